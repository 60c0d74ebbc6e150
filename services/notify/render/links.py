"""Where people read on: the console."""

from urllib.parse import quote

from shared.alerts.records import Message


def console_link(base: str | None, message: Message) -> str | None:
    """The page of the message's alert; of a test, which has no alert, the console itself. None without a console."""
    if base is None:
        return None
    return f"{base}/" if message.test else f"{base}/alerts/{quote(message.change.alert, safe='')}"
