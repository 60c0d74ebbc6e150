"""Alerts, as every process agrees on them: subscriptions, the life of an alert, and where both stand (Redis)."""
