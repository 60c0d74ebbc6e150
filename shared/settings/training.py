"""The section of the training service."""

from pathlib import Path

from pydantic import Field, field_validator

from shared.settings.sections import CommaSeparated, Seconds, Section


class TrainingSettings(Section):
    """The training service: what it may read, where it works, when a job is another's (docs/training-service.md)."""

    data_roots: CommaSeparated[Path] = Field(
        (),
        description="Folders below which data sets may lie, with every photo that they name; in the environment, "
        "comma-separated. None by default: every request is refused.",
    )
    work_dir: Path = Field(
        Path("~/.cache/linegate/training"), description="Folder for what is being made; each job's is removed after it."
    )
    cache_dir: Path | None = Field(
        Path("~/.cache/linegate/crops"),
        description="Folder that keeps crops between jobs, so that one that is started again does not crop again. "
        "Nothing in it is ever removed by Linegate.",
    )
    lease_s: Seconds = Field(
        60.0,
        description="A worker that did not tell of itself for this long loses its job to another, in seconds.",
    )
    max_attempts: int = Field(
        3, ge=1, description="How often a job is begun whose worker or process dies, before it counts as failed."
    )
    threads: int | None = Field(None, ge=1, description="CPU threads for fitting. Unset: one per core.")
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="`auto` takes a GPU where one is seen."
    )

    @field_validator("data_roots")
    @classmethod
    def _are_absolute(cls, roots: tuple[Path, ...]) -> tuple[Path, ...]:
        roots = tuple(root.expanduser() for root in roots)
        for root in roots:
            if not root.is_absolute() or root == Path(root.anchor):
                raise ValueError(f"{str(root)!r} is no folder to keep data in: an absolute path is needed, and not /")
        return roots

    @field_validator("work_dir", "cache_dir")
    @classmethod
    def _home(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser()
