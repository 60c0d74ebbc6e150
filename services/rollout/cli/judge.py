"""`linegate rollout judge`: what the automatic judge sees now."""

from services.rollout.cli.options import open_registry
from shared.cli.options import Key, place_key


def judge(key: Key) -> None:
    """Measure what is on trial at exactly KEY against its limits, as the judge would; nothing is done about it."""
    from rich.console import Console

    from services.rollout.report import look_once, tables
    from shared.settings import load_settings

    place, settings = place_key(key), load_settings()
    with open_registry() as registry:
        snapshot = registry.snapshot()
    with Console(stderr=True).status("reading the window from Kafka"):
        seen = look_once(settings.bus, snapshot, place, max_parts=settings.rollout.max_parts)
    console = Console()
    for part in tables(seen):
        console.print(part)
