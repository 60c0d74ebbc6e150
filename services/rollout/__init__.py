"""Which model version is in force where: told and changed by people."""
