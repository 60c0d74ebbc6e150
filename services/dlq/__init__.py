"""Dead letters, worked off: listed, looked at, sent again or given up, each exactly once."""
