"""What each condition of a subscription means: one pure file each."""
