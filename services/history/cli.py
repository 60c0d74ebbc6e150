"""`linegate history`: ask what was judged. What a command needs is imported when it runs."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from shared.history import Scope
    from shared.settings import Settings

app = typer.Typer(help="Ask what was judged: counts, the verdicts on a part, all rows.", no_args_is_help=True)


class By(StrEnum):
    """What to count by; the names of `shared.history.Grouping`."""

    HOUR = "hour"
    DAY = "day"
    SHIFT = "shift"
    SHIFT_NAME = "shift_name"
    PLANT = "plant"
    LINE = "line"
    STATION = "station"
    LAYOUT = "layout"
    CAMERA = "camera"
    VERSION = "version"


Plant = Annotated[str | None, typer.Option(help="Only of this plant.")]
Line = Annotated[str | None, typer.Option(help="Only of this line.")]
Station = Annotated[str | None, typer.Option(help="Only of this station.")]
Layout = Annotated[str | None, typer.Option(help="Only of this layout.")]
Camera = Annotated[str | None, typer.Option(help="stationary or mobile.")]
Version = Annotated[str | None, typer.Option(help="Only by this model version.")]
Since = Annotated[
    str | None, typer.Option(help="Captured since: 90m, 12h, 7d, or a day or time (by the plant's clock).")
]
Until = Annotated[str | None, typer.Option(help="Captured before, likewise.")]


@app.command()
def summary(  # noqa: PLR0917 - Typer reads the command line from the signature
    by: Annotated[By, typer.Option(help="What to count by.")] = By.DAY,
    plant: Plant = None,
    line: Line = None,
    station: Station = None,
    layout: Layout = None,
    camera: Camera = None,
    version: Version = None,
    since: Since = "7d",
    until: Until = None,
    csv: Annotated[Path | None, typer.Option(help="Write CSV to this file instead; - for standard output.")] = None,
) -> None:
    """Parts, fails and fail rate by group."""
    from rich.console import Console

    from services.history.views import summary_table
    from shared.history import summary_csv

    settings = _settings()
    scope = _scope(
        settings, since, until,
        plant=plant, line=line, station=station, layout=layout, camera=camera, version=version,
    )  # fmt: skip
    answer = _history(settings).summary(by.value, scope)
    if csv is not None:
        _write(csv, summary_csv(answer))
        return
    Console().print(summary_table(answer, settings.plants))
    if not answer.total.parts:
        typer.echo("nothing is archived for that: does `linegate serve archive` run?", err=True)


@app.command()
def part(
    part: Annotated[str, typer.Argument(help="The part, e.g. a serial number.")],
    *,
    plant: Plant = None,
    since: Since = None,
    until: Until = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many verdicts.")] = 20,
) -> None:
    """The verdicts on one part, newest first."""
    from rich.console import Console

    from services.history.views import part_table

    settings = _settings()
    scope = _scope(settings, since, until, plant=plant, part=part)
    Console().print(part_table(part, _history(settings).verdicts(scope, limit=count), settings.plants))


@app.command()
def export(  # noqa: PLR0917 - Typer reads the command line from the signature
    file: Annotated[Path, typer.Argument(help="CSV file to write; - for standard output.")],
    plant: Plant = None,
    line: Line = None,
    station: Station = None,
    layout: Layout = None,
    camera: Camera = None,
    version: Version = None,
    since: Since = "7d",
    until: Until = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only rejected parts.")] = False,
) -> None:
    """All columns of every verdict, oldest first, as CSV."""
    from shared.history import verdicts_csv

    settings = _settings()
    scope = _scope(
        settings, since, until,
        plant=plant, line=line, station=station, layout=layout, camera=camera, version=version,
        decision="fail" if failed else None,
    )  # fmt: skip
    _write(file, verdicts_csv(_history(settings).rows(scope)))


def _settings() -> "Settings":
    from shared.settings import load_settings

    return load_settings()


def _history(settings: "Settings") -> Any:
    from shared.history import History

    return History(settings.store, settings.plants, settings.history)


def _scope(settings: "Settings", since: str | None, until: str | None, **more: Any) -> "Scope":
    from services.history.times import moment
    from shared.errors import LinegateError
    from shared.history import Scope

    plant = more.get("plant")
    zone = settings.plants.zone if plant is None else settings.plants.of(plant).zone
    now = datetime.now(UTC)
    begin, end = moment(since, zone=zone, now=now), moment(until, zone=zone, now=now)
    if begin is not None and end is not None and end <= begin:
        raise LinegateError("--until must be later than --since")
    return Scope(**more, since=begin, until=end)


def _write(file: Path, lines: Iterable[str]) -> None:
    """Whole or not at all: a file that breaks off half-way looks like a whole one."""
    from shared.errors import LinegateError

    if str(file) == "-":
        sys.stdout.writelines(lines)
        return
    partial = file.with_name(f".{file.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as out:
            out.writelines(lines)
        partial.replace(file)
    except OSError as error:
        raise LinegateError(f"{file} cannot be written: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
