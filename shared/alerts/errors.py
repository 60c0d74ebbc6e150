"""What can go wrong with alerts."""

from datetime import datetime

from shared.errors import LinegateError


class AlertError(LinegateError):
    """Any fault of a request about alerts."""


class UnknownAlert(AlertError):
    """There is no alert of that id, or it was forgotten long after it was resolved."""


class UnknownSubscription(AlertError):
    """There is no subscription of that id."""


class AlertClosed(AlertError):
    """The alert is resolved: nothing more can be done about it.

    Attributes:
        by: who resolved it.
        at: when.
    """

    def __init__(self, by: str, at: datetime | None) -> None:
        when = "" if at is None else f" at {at:%Y-%m-%d %H:%M:%S %Z}"
        super().__init__(
            f"the alert was resolved by {by}{when}", hint="a new one fires when its condition is met again"
        )
        self.by = by
        self.at = at


class AlreadyAcknowledged(AlertError):
    """Somebody else was first.

    Attributes:
        by: who.
        at: when.
    """

    def __init__(self, by: str, at: datetime) -> None:
        super().__init__(f"{by} acknowledged it at {at:%Y-%m-%d %H:%M:%S %Z}", hint="they take care of it")
        self.by = by
        self.at = at


class UnknownMessage(AlertError):
    """There is no message of that id that waits or was given up."""

    def __init__(self, message_id: str) -> None:
        super().__init__(
            f"there is no message {message_id} to put back",
            hint="it was delivered, its subscription was removed, or it was given up long ago",
        )


class AlertMoved(AlertError):
    """Somebody else changed the alert since it was read."""

    def __init__(self, alert_id: str) -> None:
        super().__init__(f"the alert {alert_id} was changed meanwhile", hint="look at it again")
