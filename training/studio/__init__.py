"""A label studio: seeded photos of vehicle labels, good and damaged, with their ground truth."""
