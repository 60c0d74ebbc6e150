"""The board: which jobs wait, in which order, and who is at which one."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias, TypeVar

import redis
from pydantic import ValidationError

from shared.errors import LinegateError
from shared.events import TrainingCancelled, TrainingRequest
from shared.events.base import Model
from shared.registry.connection import Connected, remedy
from shared.training_jobs.order import order_of
from training.worker import scripts

ModelT = TypeVar("ModelT", bound=Model)
State: TypeAlias = Literal["done", "failed", "cancelled"]


class BoardUnavailable(LinegateError):
    """Redis cannot be reached, refuses, or holds what is not understood."""


class BoardLost(LinegateError):
    """Redis has lost the board: it must be filled from the topics first."""


class LeaseLost(LinegateError):
    """The job is another worker's by now, or the board is gone: whatever was made of it must not be published."""


class Facts(Model):
    """What the board knows of a job that is not over."""

    order: str
    print: str
    """Of the request: the same job with the same content has the same."""
    place: str
    attempts: int
    """Begun ones, the present one too."""
    token: int
    worker: str
    cancelled: str
    """By whom; empty while it is not."""
    reason: str
    """Why the last attempt ended; empty where there was none."""


class Over(Model):
    """What the board remembers of a job that is over."""

    state: State
    print: str
    place: str
    attempts: int
    by: str
    """Id of the event that cancelled it while it waited; empty where the worker said what became of it."""


Standing: TypeAlias = tuple[Literal["queued", "running"], Facts] | Over
"""How it stands with a job: its state and facts, or what became of it."""


class Claim(Model):
    """A job that is ours until the lease runs out."""

    request: TrainingRequest
    facts: Facts

    @property
    def job(self) -> str:
        """The job."""
        return self.request.job


class JobBoard(Connected):
    """The board behind one Redis URL. Thread-safe; every call is limited in time.

    Args:
        settings: where Redis is.

    Raises:
        SettingsRejected: the URL is no Redis URL.
    """

    def add(
        self, request: TrainingRequest, *, cancelled: str = ""
    ) -> tuple[Literal["queued", "running"], Facts] | Over:
        """Put a job on the board, unless it is there already: then nothing changes.

        Args:
            request: what is wanted.
            cancelled: by whom it was cancelled already.

        Raises:
            BoardUnavailable: Redis does not answer.
        """
        state, text = self._eval(
            scripts.ADD,
            request.job,
            request.model_dump_json(),
            order_of(request),
            fingerprint(request),
            request.place,
            cancelled,
        )
        if state == "done":
            return _read(Over, text)
        return ("running" if state == "running" else "queued"), _read(Facts, text)

    def remember(self, request: TrainingRequest, state: State, *, attempts: int) -> None:
        """Note that a job has its result, as the topics tell. Nothing changes where the board knows of the job.

        Raises:
            BoardUnavailable: Redis does not answer.
        """
        self._eval(scripts.REMEMBER, request.job, state, fingerprint(request), request.place, attempts)

    def cancel(self, cancelled: TrainingCancelled) -> Literal["unknown", "running"] | Over:
        """Take a waiting job off the board, or have the worker that is at it stop.

        Returns:
            `unknown` where there is no such job, `running` where its worker will answer, else what became of it.

        Raises:
            BoardLost: the board has to be filled first; until then nobody knows what jobs there are.
            BoardUnavailable: Redis does not answer.
        """
        state, text = self._eval(scripts.CANCEL, cancelled.job, cancelled.by, cancelled.id)
        if state == "lost":
            raise BoardLost("the board of jobs is being filled again")
        if state == "done":
            return _read(Over, text)
        return "running" if state == "running" else "unknown"

    def claim(self, worker: str, *, lease_s: float) -> Claim | None:
        """Take the first job that waits; one whose lease has run out waits again. None where there is none.

        Raises:
            BoardLost: the board has to be filled first.
            BoardUnavailable: Redis does not answer.
        """
        state, _, request, facts = self._eval(scripts.CLAIM, worker, _ms(lease_s))
        if state == "lost":
            raise BoardLost("Redis has no board of jobs")
        if state == "none":
            return None
        return Claim(request=_read(TrainingRequest, request), facts=_read(Facts, facts))

    def beat(self, claim: Claim, *, lease_s: float) -> str:
        """Keep a job for another lease; answers who cancelled it, or an empty text.

        Raises:
            LeaseLost: it is ours no longer.
            BoardUnavailable: Redis does not answer.
        """
        return str(self._as_holder(scripts.BEAT, claim, _ms(lease_s)))

    def put_back(self, claim: Claim, *, counted: bool, reason: str) -> None:
        """Let a job wait again.

        Args:
            claim: the job.
            counted: whether this attempt counts.
            reason: why it ended.

        Raises:
            LeaseLost: it is ours no longer.
            BoardUnavailable: Redis does not answer.
        """
        self._as_holder(scripts.PUT_BACK, claim, int(counted), reason)

    def finish(self, claim: Claim, state: State) -> None:
        """Take a job off the board whose result is published.

        Raises:
            LeaseLost: it is ours no longer.
            BoardUnavailable: Redis does not answer.
        """
        self._as_holder(scripts.FINISH, claim, state)

    def filled(self) -> None:
        """Note that the board holds all that the topics tell of.

        Raises:
            BoardUnavailable: Redis does not answer.
        """
        with _faults():
            self._redis.zadd(scripts.WHOLE, {scripts.FILLED: 0})

    def _as_holder(self, script: str, claim: Claim, *arguments: str | int) -> str:
        state, text = self._eval(script, claim.job, claim.facts.token, *arguments)
        if state == "lost":
            raise LeaseLost(f"job {claim.job} is no longer this worker's")
        return text

    def _eval(self, script: str, *arguments: str | int) -> list[str]:
        with _faults():
            answer: Any = self._redis.eval(script, len(scripts.KEYS), *scripts.KEYS, *arguments)
            return [str(word) for word in answer]


def fingerprint(request: TrainingRequest) -> str:
    """Of what is asked for; two requests of one job that ask for the same have the same one."""
    asked = request.model_dump_json(exclude={"id", "source", "time", "traceparent"})
    return hashlib.sha256(asked.encode()).hexdigest()


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _read(model: type[ModelT], text: str) -> ModelT:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BoardUnavailable(
            f"the board of jobs holds a {model.__name__} that is not understood: {first['loc']}: {first['msg']}",
            hint="was it written by a newer version of Linegate?",
        ) from error


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise BoardUnavailable(f"the board of jobs (Redis) does not answer: {told}", hint=remedy(error)) from error
