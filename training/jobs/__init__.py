"""Jobs of the training service shown on the terminal."""
