"""Labelled photos: where they come from, how they are divided, and how they are cropped."""
