"""The settings of the bus: one model, documented field by field, for workers, publishers and readers."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.bus.security import BusSecurity, check_extra

Milliseconds = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]
Option = str | int | float | bool


class BusSettings(BaseModel):
    """Kafka and the loop that every worker runs on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bootstrap_servers: str = Field("localhost:9092", description="Kafka's `host:port[,host:port]`.")
    security: BusSecurity = Field(default_factory=BusSecurity, description="TLS and who we are to Kafka.")
    extra: dict[str, Option] = Field(
        default_factory=dict,
        description="More librdkafka options for every client, e.g. `client.rack`. No secrets: those go into "
        "`bus.security`.",
    )
    group: str | None = Field(None, description="Consumer group; the worker's name by default.")
    instance: str | None = Field(
        None,
        description="Name of this process among its like, the same after a restart and never used by two at once (a "
        "StatefulSet's pod name). Then a restart settles at once what its forerunner left open. Random by default.",
    )
    start: Literal["earliest", "latest"] = Field(
        "earliest",
        description="Where a consumer group begins that has committed nothing yet. With `latest`, what came before its "
        "first commit is passed over at a restart.",
    )

    session_timeout_ms: Milliseconds = Field(45_000, description="A worker silent for this long loses its partitions.")
    transaction_timeout_ms: Milliseconds = Field(
        30_000, description="The broker aborts a transaction that stays open for longer. Below the session timeout."
    )
    message_timeout_ms: Milliseconds = Field(
        20_000, description="Limit on the delivery of one record. Below the transaction timeout."
    )
    call_budget_s: Seconds = Field(
        40.0, description="How long one Kafka call may be repeated while Kafka is away, before the worker gives up."
    )
    revoke_budget_s: Seconds = Field(
        20.0, description="Wall clock for finishing and committing when partitions are taken away or the worker stops."
    )

    max_events: Annotated[int, Field(ge=1)] = Field(16, description="Most events in one batch.")
    max_wait_ms: Annotated[int, Field(ge=0)] = Field(
        20, description="How long a batch that is not full waits for more events, in milliseconds."
    )
    high_water: Annotated[int, Field(ge=1)] = Field(64, description="Events held in memory before fetching stops.")
    low_water: Annotated[int, Field(ge=0)] = Field(32, description="Events in memory at which paused fetching resumes.")
    high_water_bytes: Annotated[int, Field(ge=1)] = Field(
        128 * 1024 * 1024, description="The same as `high_water`, in bytes: whichever is reached first."
    )

    retry_initial_s: Seconds = Field(0.5, description="First pause of a partition whose event has to wait.")
    retry_max_s: Seconds = Field(30.0, description="Longest pause; each one doubles the last, with jitter.")
    max_failures: Annotated[int, Field(ge=1)] = Field(
        5,
        description="Failures in a row (the step raised, or the transaction was aborted) after which the worker exits.",
    )
    dead_letters_per_minute: Annotated[int, Field(ge=0)] = Field(
        600,
        description="As many dead letters of one worker in a minute stop their topic: the worker ends, and what would "
        "become one waits until `linegate dlq resume` (docs/dead-letters.md); 0: no limit.",
    )

    @model_validator(mode="after")
    def _nothing_secret_in_extra(self) -> Self:
        check_extra(self.extra, self.security)
        return self

    @model_validator(mode="after")
    def _order(self) -> Self:
        if not self.message_timeout_ms < self.transaction_timeout_ms < self.session_timeout_ms:
            raise ValueError(
                "message_timeout_ms < transaction_timeout_ms < session_timeout_ms must hold: a transaction has to end "
                "before the worker's partitions go to another"
            )
        if self.low_water >= self.high_water:
            raise ValueError("low_water must be below high_water")
        if self.max_events > self.high_water:
            raise ValueError("high_water must be at least max_events, or no batch is ever full")
        return self
