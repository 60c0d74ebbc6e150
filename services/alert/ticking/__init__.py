"""What goes by the clock rather than by an event."""
