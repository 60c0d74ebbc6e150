"""The root of every error that is told to a person as one line."""


class LinegateError(Exception):
    """Something a person can act on: one clear line, and a hint on what to do.

    Args:
        message: what is wrong, one line, without a trailing full stop.
        hint: what to do about it, or None where the message says it all.
    """

    hint: str | None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def line(self) -> str:
        """Message and hint as one line, for a log or a dead letter."""
        return str(self) if self.hint is None else f"{self}; {self.hint}"
