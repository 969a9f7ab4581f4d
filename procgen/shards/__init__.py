"""Offline data sets: the images of a process in files, resumable, verifiable, regenerable from their recipes."""
