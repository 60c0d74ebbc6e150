"""What happens now: Kafka followed into bounded memory, and browsers told what changed."""
