"""Which engine does it, as a command line says it."""

from dataclasses import dataclass
from typing import Literal

from shared.settings import Settings
from shared.store import ArtifactStore
from training.code_version import code_version
from training.many.engine import Engine
from training.many.local import LocalEngine
from training.many.on_ray import RayEngine


@dataclass(frozen=True, slots=True)
class Choice:
    """Options of both engines; each takes its own."""

    engine: Literal["local", "ray"]
    workers: int
    retries: int
    ray_address: str | None
    cpus: int
    gpus: float


def engine_of(choice: Choice, settings: Settings) -> Engine:
    """The engine, not yet at work."""
    if choice.engine == "local":
        return LocalEngine(
            reference=lambda digest: ArtifactStore(settings.store).fetch(digest),
            workers=choice.workers,
            retries=choice.retries,
        )
    return RayEngine(
        store=settings.store,
        code=code_version(),
        address=choice.ray_address,
        cpus=choice.cpus,
        gpus=choice.gpus,
        retries=choice.retries,
    )
