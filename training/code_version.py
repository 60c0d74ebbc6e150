"""Which Linegate this is: of what a model version was made besides its photos and its spec."""

from importlib.metadata import PackageNotFoundError, version


def code_version() -> str:
    """Of the installed package."""
    try:
        return version("linegate")
    except PackageNotFoundError:
        return "unknown: run from a checkout that is not installed"
