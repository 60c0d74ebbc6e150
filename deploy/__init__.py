"""What runs the workers: the local stack, the demo, containers and charts."""
