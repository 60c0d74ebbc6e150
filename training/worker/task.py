"""What goes between a worker and the process that fits for it: one task in, lines out, JSON."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from shared.events.base import Model
from training.order import Made, Means, Order


class FitTask(Model):
    """What is to be made, and from what. No secret: a process that decodes foreign pictures needs none."""

    order: Order
    data: Path
    """The data set, links resolved."""
    roots: tuple[Path, ...]
    """Below which every file of it must lie."""
    out: Path
    """A folder that is not there yet."""
    means: Means
    reference: Annotated[Literal["learn"] | Path | None, Field(union_mode="left_to_right")]
    """The file of the reference that crops are registered to."""
    threads: int | None = None


class Progressed(Model):
    """How far it is."""

    what: Literal["progress"] = "progress"
    stage: str
    done: int
    total: int | None


class Finished(Model):
    """It is made."""

    what: Literal["made"] = "made"
    made: Made


class Refused(Model):
    """It cannot be made."""

    what: Literal["refused"] = "refused"
    reason: str
    hint: str | None = None
    again: bool = False
    """Whether another attempt may end otherwise."""


Word: TypeAlias = Annotated[Progressed | Finished | Refused, Field(discriminator="what")]
WORD: TypeAdapter[Word] = TypeAdapter(Word)
