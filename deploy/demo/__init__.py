"""`linegate demo`: the whole product on this machine in a few minutes, with real servers and nothing pretended."""
