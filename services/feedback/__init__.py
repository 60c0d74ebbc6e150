"""`linegate feedback`: say through the gateway what was found about a part."""
