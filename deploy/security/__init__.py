"""Least privilege: what each service may do at Kafka and at Redis, as data, and printed for the servers' own tools."""
