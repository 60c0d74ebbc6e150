"""The root command `linegate`."""

from shared.cli.main import main

__all__ = ["main"]
