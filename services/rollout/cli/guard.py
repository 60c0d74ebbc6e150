"""`linegate rollout guard`: what the automatic judge holds a trial to."""

from typing import Annotated, Literal

import typer

from services.rollout.cli.options import Expect, based_on, open_registry, valid
from shared.cli.options import Author, Key, Note, place_key, who

Limit = str | None


def guard(  # noqa: PLR0917 - Typer reads the command line from the signature
    key: Key,
    on_breach: Annotated[
        Literal["rollback", "pause", "alert"] | None, typer.Option(help="What a breach does to a canary.")
    ] = None,
    window: Annotated[float | None, typer.Option(metavar="SECONDS", help="Verdicts so young are compared.")] = None,
    min_parts: Annotated[int | None, typer.Option(help="Nothing is decided on fewer parts of either side.")] = None,
    confidence: Annotated[float | None, typer.Option(help="Of the one-sided bound that must pass a limit.")] = None,
    max_reject_rise: Annotated[
        Limit, typer.Option(metavar="SHARE|none", help="Reject rate over the champion's, as a difference.")
    ] = None,
    max_disagreement: Annotated[
        Limit, typer.Option(metavar="SHARE|none", help="Parts seen by both on which they differ.")
    ] = None,
    max_psi: Annotated[Limit, typer.Option(metavar="PSI|none", help="Population stability index of scores.")] = None,
    max_ks: Annotated[Limit, typer.Option(metavar="SHARE|none", help="Kolmogorov-Smirnov distance of scores.")] = None,
    max_latency_ratio: Annotated[
        Limit, typer.Option(metavar="RATIO|none", help="99th percentile of scoring time over the champion's.")
    ] = None,
    expect: Expect = None,
    author: Author = None,
    note: Note = "",
) -> None:
    """Show the limits of the trials at a key, or set some: what is not named stays, `none` switches a limit off."""
    from services.rollout.cli import tables
    from shared.cli.tables import show
    from shared.errors import LinegateError
    from shared.registry import lifecycle
    from shared.registry.guard import Guard

    plain = {"action": on_breach, "window_s": window, "min_parts": min_parts, "confidence": confidence}
    limits = {
        "max_reject_rise": max_reject_rise,
        "max_disagreement": max_disagreement,
        "max_psi": max_psi,
        "max_ks": max_ks,
        "max_latency_ratio": max_latency_ratio,
    }
    changes: dict[str, object] = {name: value for name, value in plain.items() if value is not None}
    changes |= {name: None if text == "none" else text for name, text in limits.items() if text is not None}
    valid(Guard, **changes)
    place = place_key(key)
    with open_registry() as registry:
        if changes:
            registry.advance(
                place,
                lambda held: lifecycle.guarded(held, changes),
                action="guard",
                author=who(author),
                note=note,
                expected=based_on(expect),
            )
        entry = registry.assignment(place)
    if entry is None:
        raise LinegateError(f"there is no assignment of {place}", hint="`linegate rollout list` shows all")
    show(tables.guard(place, entry))
