"""Jobs of the training service as the topics tell of them."""
