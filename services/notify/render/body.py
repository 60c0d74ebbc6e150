"""The body of a webhook (Standard Webhooks: `type`, `timestamp`, `data`)."""

import json
from typing import Any

from services.notify.render.links import console_link
from shared.alerts.records import Message
from shared.events import AlertChanged


def webhook_body(message: Message, *, console_url: str | None) -> str:
    """JSON, the same with every attempt. `data`: the fields of the alert's event, its title, where to read on."""
    data: dict[str, Any] = message.change.model_dump(mode="json")
    data |= {"title": message.title, "test": message.test, "console": console_link(console_url, message)}
    body = {"type": AlertChanged.TYPE, "timestamp": message.change.time.isoformat(), "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
