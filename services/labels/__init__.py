"""The labels worker: what people found, joined with the verdict that it is about."""
