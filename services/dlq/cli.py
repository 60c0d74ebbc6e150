"""`linegate dlq`: work off dead letters. What a command needs is imported when it runs."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

LISTED = 20
"""Up to so many letters are shown one by one before they are settled."""
app = typer.Typer(help="Look at dead letters, send them again, or give them up.", no_args_is_help=True)

Ids = Annotated[list[str] | None, typer.Argument(help="Letters: <topic>.dlq/<partition>/<offset>.", metavar="LETTER")]
Topic = Annotated[str | None, typer.Option(help="Only of this topic, e.g. linegate.images.")]
Reason = Annotated[str | None, typer.Option(help="Only where the reason contains this.")]
Plant = Annotated[str | None, typer.Option(help="Only of this plant.")]
Line = Annotated[str | None, typer.Option(help="Only of this line.")]
Since = Annotated[str | None, typer.Option(help="Only set aside since: 90m, 12h, 7d, or an ISO 8601 time.")]
Author = Annotated[str | None, typer.Option(help="Who does it; your user name by default.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]


@app.command("list")
def list_(  # noqa: PLR0917 - Typer reads the command line from the signature
    topic: Topic = None,
    reason: Reason = None,
    plant: Plant = None,
    line: Line = None,
    since: Since = None,
    state: Annotated[str, typer.Option(help="open, replayed, dropped or all.")] = "open",
    each: Annotated[bool, typer.Option("--each", help="One row per letter, not per reason and line.")] = False,
    as_json: AsJson = False,
) -> None:
    """Dead letters by reason and line, the most frequent first."""
    from services.dlq import entry, shelf, views, work

    bus = _bus()
    found = work.find(bus, _wanted(topic, reason, plant, line, state), (), begin=work.since(since))
    stops = shelf.stops(bus)
    if as_json:
        _print(
            {
                "stopped": [stop.model_dump(mode="json") for stop in stops],
                "letters": [entry.as_json(one) for one in found],
            }
        )
    else:
        views.show(*views.stopped(stops), views.each(found) if each else views.groups(entry.group(found)))


@app.command()
def show(
    letter: Annotated[str, typer.Argument(help="<topic>.dlq/<partition>/<offset>, as `list` shows them.")],
    *,
    save: Annotated[Path | None, typer.Option(help="Write the original bytes to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """One letter: why it was set aside, where it came from, what it is."""
    from services.dlq import entry, shelf, views
    from shared.bus.fetch import RecordFetcher
    from shared.errors import LinegateError

    bus = _bus()
    with RecordFetcher(bus) as fetcher:
        record = shelf.letter(fetcher, letter)
    try:
        found = entry.entry_of(record, shelf.settlements(bus).get(letter))
    except ValueError as error:
        raise LinegateError(str(error)) from error
    if save is not None:
        try:
            save.write_bytes(record.value or b"")
        except OSError as error:
            raise LinegateError(f"cannot write {save}: {error.strerror}") from error
    if as_json:
        _print(entry.as_json(found) | {"value": views.described(record.value)})
    else:
        views.show(views.one(found, record))


@app.command()
def replay(  # noqa: PLR0917 - Typer reads the command line from the signature
    letters: Ids = None,
    topic: Topic = None,
    reason: Reason = None,
    plant: Plant = None,
    line: Line = None,
    since: Since = None,
    rate: Annotated[
        float, typer.Option(min=0.01, max=100, help="Letters per second: below dead_letters_per_minute / 60.")
    ] = 5,
    note: Annotated[str | None, typer.Option(help="Why; kept with the letter.")] = None,
    author: Author = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send letters again, to where they came from; each at most once. By id, or all open ones that fit."""
    from services.dlq.work import Order
    from services.dlq.work import author as known_as

    order = Order(replay=True, by=known_as(author), note=note, rate=rate)
    wanted = _wanted(topic, reason, plant, line, "open")
    _settle(letters, wanted, since, order, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command()
def drop(  # noqa: PLR0917 - Typer reads the command line from the signature
    letters: Ids = None,
    topic: Topic = None,
    reason: Annotated[str | None, typer.Option("--where-reason", help="Only where the reason contains this.")] = None,
    plant: Plant = None,
    line: Line = None,
    since: Since = None,
    note: Annotated[str | None, typer.Option("--reason", help="Why they are given up; kept with the letter.")] = None,
    author: Author = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give letters up: they are no longer open. Their bytes stay as long as Kafka keeps the topic's records."""
    from services.dlq.work import Order
    from services.dlq.work import author as known_as

    if not note:
        raise typer.BadParameter("say why, for whoever asks later", param_hint="--reason")
    order = Order(replay=False, by=known_as(author), note=note, rate=100)
    wanted = _wanted(topic, reason, plant, line, "open")
    _settle(letters, wanted, since, order, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command()
def resume(
    topic: Annotated[str, typer.Argument(help="The dead-letter topic that was stopped, e.g. linegate.images.dlq.")],
    *,
    note: Annotated[str | None, typer.Option(help="What was mended.")] = None,
    author: Author = None,
) -> None:
    """Let a topic take dead letters again, after a worker stopped it because there were too many."""
    from services.dlq import shelf, work
    from shared.bus.publisher import EventPublisher
    from shared.bus.topics import DEAD_LETTER_SUFFIX
    from shared.errors import LinegateError
    from shared.events import DeadLetterStop

    bus = _bus()
    name = topic if topic.endswith(DEAD_LETTER_SUFFIX) else topic + DEAD_LETTER_SUFFIX
    if name not in {stop.topic for stop in shelf.stops(bus)}:
        raise LinegateError(f"{name} is not stopped", hint="`linegate dlq list` shows what is")
    word = DeadLetterStop(source="/linegate/dlq", topic=name, stopped=False, by=work.author(author), note=note)
    with EventPublisher(bus) as publisher:
        publisher.publish(word).result()
    typer.echo(f"{name} takes dead letters again; workers hear of it within seconds")


def _settle(
    letters: list[str] | None,
    wanted: Any,
    since: str | None,
    order: Any,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    from services.dlq import entry, views, work

    bus = _bus()
    chosen = work.find(bus, wanted, letters or (), begin=work.since(since))
    if not as_json:
        views.show(views.each(chosen) if len(chosen) <= LISTED else views.groups(entry.group(chosen)))
    if dry_run or not chosen:
        if as_json:
            _print({"would": [one.id for one in chosen]})
        return
    verb = "Send again" if order.replay else "Give up"
    if not yes and not typer.confirm(f"{verb} {len(chosen)} dead letter(s)?", err=True):
        raise typer.Exit(1)
    account = work.settle(bus, chosen, order, lambda event: None if as_json else typer.echo(_line(event)))
    if as_json:
        settled = [event.model_dump(mode="json") for event in account.done]
        _print({"settled": settled, "settled_before": account.before, "gone": account.gone})
    else:
        told = f"{len(account.done)} settled, {account.before} had been settled before, {account.gone} are gone"
        typer.echo(told)


def _line(event: object) -> str:
    from shared.events import DeadLetterSettled

    if not isinstance(event, DeadLetterSettled):
        return f"skipped: {event}"
    return f"{event.letter} -> {event.replayed_to}" if event.replayed_to else f"{event.letter} dropped"


def _wanted(topic: str | None, reason: str | None, plant: str | None, line: str | None, state: str) -> Any:
    from services.dlq.entry import Wanted

    match state:
        case "open" | "replayed" | "dropped" | "all":
            return Wanted(topic, reason, plant, line, state)
        case _:
            raise typer.BadParameter("open, replayed, dropped or all", param_hint="--state")


def _bus() -> Any:
    from shared.settings import load_settings

    return load_settings().bus


def _print(data: object) -> None:
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
