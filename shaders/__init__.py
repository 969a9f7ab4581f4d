"""GLSL as data, no Python logic: ``include/*.glsl`` and ``programs/FAMILY/NAME.glsl``, read by `procgen.programs`."""
