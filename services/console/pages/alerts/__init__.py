"""What is amiss now, who takes care of it, and what was."""
