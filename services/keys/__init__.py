"""`linegate keys`: make, list and revoke the static keys of a plant."""
