"""Fail rates of the past by hour, day, shift, line, layout, version, and more."""
