"""Many model versions by one plan: what is wanted, what is there already, and the engines that make the rest."""
