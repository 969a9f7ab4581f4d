"""Encoders from images: multi-crop views, DINO, checkpoints; and encoders to embed with, from any source."""
