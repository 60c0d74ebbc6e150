"""What every Linegate process agrees on: events, bus, registry, store, models. Imports nothing above it."""
