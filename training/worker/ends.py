"""How an attempt may end without a result."""

from shared.errors import LinegateError


class Stopping(LinegateError):
    """The worker is asked to end."""


class AttemptFailed(LinegateError):
    """This attempt led to nothing; another one may."""


class Refusal(LinegateError):
    """There will be no version, however often it is tried."""
