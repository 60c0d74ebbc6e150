"""Pages for people at the line: what happens now, what failed and why, alerts, rollouts, training, history.

A photo's way through these rooms, backwards: `live` follows Kafka into bounded memory, `pages` turn that and Redis into
what a template shows (`view.py`, pure), `screen` renders it in the visitor's language. `door` tells who visits.
"""
