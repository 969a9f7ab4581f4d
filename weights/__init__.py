"""Encoders that come with procmem: one export folder each, data only; `pretrain.shipped` finds them."""
