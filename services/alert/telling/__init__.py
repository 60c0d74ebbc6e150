"""Every step of every alert, told on Kafka by one of the workers."""
