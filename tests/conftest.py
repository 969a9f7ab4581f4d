"""Property tests may take as long as the machine takes: speed is measured in benchmarks, never asserted."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
