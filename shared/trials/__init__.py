"""Versions on trial beside their champion: which there are, what both thought of the parts, how they compare."""
