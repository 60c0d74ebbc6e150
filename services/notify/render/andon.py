"""The few words for an andon light or board."""

import json

from shared.alerts.records import Message

FIELDS = ("plant", "line", "station", "layout", "camera", "part")


def andon_payload(message: Message) -> str:
    """JSON, small enough for a controller. `state` is `firing`, `acknowledged`, `resolved`, or `test`."""
    change = message.change
    body = {
        "state": "test" if message.test else change.state,
        "severity": change.severity,
        "title": message.title,
        "summary": change.summary,
        "count": change.count,
        "since": change.since.isoformat(),
        "place": {name: value for name in FIELDS if (value := getattr(change, name)) is not None},
        "alert": change.alert,
        "id": message.id,
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
