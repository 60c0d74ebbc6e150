"""The score worker: rectified parts in, verdicts out."""
