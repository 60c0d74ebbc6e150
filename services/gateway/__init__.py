"""The gateway: photos in and verdicts out over HTTP, for clients that do not speak Kafka."""
