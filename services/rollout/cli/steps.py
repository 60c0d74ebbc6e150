"""`linegate rollout shadow|canary|promote|rollback|pause|resume`: the steps of a rollout, each one compare-and-swap."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.rollout.cli.options import Expect, Version, based_on, open_registry, valid_version
from shared.cli.options import Author, Key, Note, place_key, who

if TYPE_CHECKING:
    from shared.registry.lifecycle import Transition


def shadow(key: Key, version: Version, expect: Expect = None, author: Author = None, note: Note = "") -> None:
    """Have a version look on: it scores every part and gates none."""
    from shared.registry import lifecycle

    chosen = valid_version(version)
    _step(key, lambda held: lifecycle.shadow(held, chosen), "shadow", expect, author, note)


def canary(  # noqa: PLR0917 - Typer reads the command line from the signature
    key: Key,
    version: Version,
    percent: Annotated[float, typer.Option(min=0, max=100, help="Share of the parts it judges.")],
    expect: Expect = None,
    author: Author = None,
    note: Note = "",
) -> None:
    """Put a version on trial for a share of the parts, or change the share of the trial under way."""
    from shared.events.base import now
    from shared.registry import lifecycle

    chosen = valid_version(version)
    _step(key, lambda held: lifecycle.canary(held, chosen, percent, at=now()), "canary", expect, author, note)


def promote(  # noqa: PLR0917 - Typer reads the command line from the signature
    key: Key,
    version: Annotated[
        str | None, typer.Argument(help="By default the version on trial.", metavar="[VERSION]", show_default=False)
    ] = None,
    direct: Annotated[
        bool, typer.Option("--direct", help="Also a version that was not on trial, or whose trial is paused.")
    ] = False,
    expect: Expect = None,
    author: Author = None,
    note: Note = "",
) -> None:
    """Make a version the champion; the one before stays warm for `rollback`. A key's first one begins its entry."""
    from shared.registry import lifecycle

    chosen = None if version is None else valid_version(version)
    _step(key, lambda held: lifecycle.promote(held, chosen, direct=direct), "promote", expect, author, note)


def rollback(
    key: Key,
    what: Annotated[
        Literal["canary", "champion", "shadow"] | None,
        typer.Option(help="What to take back: the trial, the promotion or the shadow. By default the trial, if any."),
    ] = None,
    expect: Expect = None,
    author: Author = None,
    note: Note = "",
) -> None:
    """End the trial; where there is none, put the former champion in force again."""
    from shared.registry import lifecycle

    _step(key, lambda held: lifecycle.rollback(held, what), "rollback", expect, author, note)


def pause(key: Key, expect: Expect = None, author: Author = None, note: Note = "") -> None:
    """Give the canary's parts to the champion until `resume`."""
    from shared.registry import lifecycle

    _step(key, lifecycle.pause, "pause", expect, author, note)


def resume(key: Key, expect: Expect = None, author: Author = None, note: Note = "") -> None:
    """Give the canary its parts again; what it did before the pause does not count against it any more."""
    from shared.events.base import now
    from shared.registry import lifecycle

    _step(key, lambda held: lifecycle.resume(held, at=now()), "resume", expect, author, note)


def _step(  # noqa: PLR0917 - the three last ones are every command's options
    key: str, transition: "Transition", action: str, expect: int | None, author: str | None, note: str
) -> None:
    from services.rollout.cli import tables
    from shared.cli.tables import show

    place = place_key(key)
    with open_registry() as registry:
        registry.advance(place, transition, action=action, author=who(author), note=note, expected=based_on(expect))
        show(*tables.in_force(registry.snapshot(), place))
