"""What a collection ends with on the terminal."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from training.collect.make import Provenance


def print_summary(console: Console, made: Provenance, out: Path) -> None:
    """Counts, what was left out and why. Everything that comes from outside is printed as plain text."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    rows = [
        (made.photos["good"], "good photos"),
        (made.photos["damaged"], "damaged photos"),
        *((count, f"({what})") for what, count in made.counts.items()),
        *((count, f"parts left out: {against}") for against, count in made.excluded.items()),
        *((count, f"photos left out: {reason}") for reason, count in made.unreadable.items()),
        *((count, f"records passed over in {topic}: no such event") for topic, count in made.refused.items()),
    ]
    for count, what in rows:
        table.add_row(str(count), Text(what))
    console.print(table)
    if made.gone:
        console.print(Text(f"warning: {made.gone} wanted photos are no longer in Kafka", style="yellow"))
    console.print(f"{out}: digest {made.digest[:12]}", markup=False, soft_wrap=True)
    console.print(f"  linegate train fit {out} ...", markup=False, soft_wrap=True)
