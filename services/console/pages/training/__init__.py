"""Jobs of the training service: what waits, runs and is done, and what came of it."""
