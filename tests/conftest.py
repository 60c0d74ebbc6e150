"""Settings shared by all tests."""

from hypothesis import HealthCheck, settings

# A loaded machine must not fail a test: nothing here asserts on wall time.
settings.register_profile("linegate", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
settings.load_profile("linegate")
