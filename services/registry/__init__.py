"""All of the registry as one file, and back."""
