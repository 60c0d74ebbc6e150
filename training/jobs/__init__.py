"""Jobs of the training service as lookers-on see them: read from the topics, shown on the terminal."""
