"""Kafka, once: the loop every worker runs in."""
