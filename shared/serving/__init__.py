"""What the main of every worker needs, in whichever wing it stands: signals, probes, faults, a watched registry."""
