"""Alerts over HTTP: what fires, who takes care of it, who is told of what, and what is silent."""
