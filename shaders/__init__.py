"""GLSL as data: ``include/*.glsl`` and ``programs/FAMILY/NAME.glsl``. Read by `procgen.programs`; no Python logic here."""
