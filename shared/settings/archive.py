"""Settings of the archive worker, and of the questions that are asked of what it wrote."""

from typing import Annotated

from pydantic import Field, model_validator

from shared.settings.sections import Seconds, Section


class ArchiveSettings(Section):
    """The archive worker: verdicts as Parquet, pictures of rejected parts, both in the store (docs/history.md)."""

    max_events: int = Field(
        2000, ge=1, description="Most events in one batch; takes the place of `bus.max_events` for this worker."
    )
    max_wait_s: Seconds = Field(
        5.0,
        description="How long a batch waits for more events, in seconds: so late a verdict is in the history. Takes "
        "the place of `bus.max_wait_ms` for this worker.",
    )
    keep_passed: Annotated[float, Field(ge=0, le=1)] = Field(
        0.01,
        description="Share of the passed parts of which the pictures are kept too, chosen by the part's name: the same "
        "parts in every run. Those of rejected parts are kept always.",
    )
    keep_evidence_days: int = Field(
        90, ge=0, description="Pictures of days longer ago are removed; 0 keeps them for ever."
    )
    keep_verdicts_days: int = Field(
        3650, ge=0, description="Rows of the history of days longer ago are removed; 0 keeps them for ever."
    )
    tidy_s: Seconds = Field(
        600.0,
        description="Time between two rounds that merge small files of the history and remove what is too old, in "
        "seconds.",
    )
    merge_files: int = Field(
        48,
        ge=2,
        description="So many small files of a plant's running day are merged into one; of past days, two.",
    )


class HistorySettings(Section):
    """Questions asked of the history: `linegate history`, the console (docs/history.md)."""

    memory_mib: int = Field(
        512, ge=64, description="Most memory for one question, in MiB; what does not fit goes to the disk."
    )
    threads: int = Field(2, ge=1, description="CPU threads for one question.")
    seconds: Seconds = Field(
        30.0, description="A question that takes longer is broken off, in seconds; a download of all rows is not."
    )
    max_rows: int = Field(5000, ge=1, description="Most groups, or verdicts of one part, in one answer.")

    @model_validator(mode="after")
    def _enough_for_each_thread(self) -> "HistorySettings":
        # DuckDB's own advice is 125 MB a thread at the least.
        if self.memory_mib < 32 * self.threads:
            raise ValueError("memory_mib must be at least 32 for each thread")
        return self
