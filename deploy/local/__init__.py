"""A real Kafka and a real Redis on this machine, without containers: for the demo, for tests, for a first look."""
