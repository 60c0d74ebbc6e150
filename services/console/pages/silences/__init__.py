"""Times in which messages are kept back."""
