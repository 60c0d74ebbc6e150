"""The training service: jobs from Kafka on a board in Redis, one at a time per worker, each fitted in a process."""
