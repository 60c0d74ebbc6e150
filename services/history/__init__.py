"""`linegate history`: what was judged, counted and looked up."""
