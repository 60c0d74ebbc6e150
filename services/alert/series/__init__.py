"""What was observed, kept in Redis so that it outlives the worker."""
