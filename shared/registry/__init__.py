"""Which model version is in force where: Redis, with a last-known-good copy at every worker."""
