"""`linegate replay`: send a folder of photos through the gate at a steady rate, and count what comes back."""
