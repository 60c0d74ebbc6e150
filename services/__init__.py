"""The workers. Each is a pure step and a thin main; a worker never calls another worker."""
