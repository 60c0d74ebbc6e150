"""Settings shared by all tests."""

import os

from hypothesis import HealthCheck, settings

# A loaded machine must not fail a test: nothing here asserts on wall time.
# Derandomised: a change is judged by the same examples everywhere; `HYPOTHESIS_PROFILE=search` looks for new ones.
quiet = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "max_examples": 60}
settings.register_profile("linegate", derandomize=True, **quiet)
settings.register_profile("search", **quiet)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "linegate"))
