"""Tests of the console in a browser. A package, so that what they share ends with this folder (conftest.py)."""
