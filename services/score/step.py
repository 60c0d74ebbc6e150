"""Rectified parts in, verdicts out: route, one backbone pass for the whole batch, each model its own rows."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.score import verdicts
from services.score.effective import Effective
from services.score.in_force import InForce
from services.score.judge import Bench
from services.score.metrics import ScoreMetrics
from services.score.mixed import Look, score_mixed
from services.score.models import ModelShelf
from services.score.route import Route, route
from shared.bus.step import DeadLetter, Emit, Result, Retry
from shared.events import Event, ModelStamp, PartCrop, now
from shared.images import ImageRejected, decode
from shared.models.base import Image
from shared.models.memory import MemoryRoom
from shared.pixels import PixelSource, PixelsUnavailable
from shared.registry.records import Resolved
from shared.registry.snapshot import Snapshot
from shared.settings.sections import ImageSettings, MapPolicy


@dataclass(slots=True)
class _Work:
    """One crop on its way to a verdict."""

    crop: PartCrop
    image: Image
    resolved: Resolved
    route: Route


class ScoreStep:
    """Step from `PartCrop` to `Verdict`, with `ShadowVerdict` and `PartAnomalyMap` beside it."""

    def __init__(
        self,
        shelf: ModelShelf,
        *,
        source: PixelSource,
        limits: ImageSettings,
        snapshot: Callable[[], Snapshot | None],
        maps: MapPolicy = "failed",
        in_force: InForce | None = None,
        effective: Effective | None = None,
        room: MemoryRoom | None = None,
        clock: verdicts.Clock = now,
    ) -> None:
        """`snapshot` answers the registry's latest state, or None while it was never seen; `effective` makes of it what
        can be judged by.
        """  # noqa: D205 - one sentence
        in_force = in_force or InForce()
        self._bench = Bench(shelf, in_force)
        self._effective = effective or Effective(shelf, in_force)
        self._room = room or MemoryRoom()
        self._metrics = ScoreMetrics()
        self._source = source
        self._limits = limits
        self._snapshot = snapshot
        self._maps = maps
        self._clock = clock

    def __call__(self, batch: Sequence[PartCrop], /) -> list[Result]:
        """Judge a batch that may mix plants, lines and models."""
        latest = self._snapshot()
        if latest is None:
            return [Retry("the registry was not reached yet, so no model version is known") for _ in batch]
        # Once for the batch: a change comes into force between two batches, never within one.
        snapshot = self._effective.hear(latest)
        prepared = [self._prepare(crop, snapshot) for crop in batch]
        work = [item for item in prepared if isinstance(item, _Work)]
        judged = iter(self._judge(work, snapshot))
        return [next(judged) if isinstance(item, _Work) else item for item in prepared]

    def _prepare(self, crop: PartCrop, snapshot: Snapshot) -> _Work | Result:
        resolved = snapshot.resolve(crop.place)
        if resolved is None:
            address = "/".join(crop.place.model_dump().values())
            if self._effective.knows(crop.place):
                return Retry(f"the first version assigned for {address} is still being loaded")
            return DeadLetter(
                f"no model version is assigned for {address}: `linegate rollout promote` puts one in force, then replay"
            )
        if crop.presence.result == "fail":
            verdict = verdicts.not_found(crop, clock=self._clock)
            self._metrics.judged(verdict)
            return Emit((verdict,))
        try:
            image = decode(self._source.read(crop), self._limits)
        except ImageRejected as rejected:
            return DeadLetter(rejected.line)
        except PixelsUnavailable as away:
            return Retry(away.line)
        return _Work(crop, image, resolved, route(resolved.assignment, crop.part))

    def _judge(self, work: list[_Work], snapshot: Snapshot) -> list[Result]:
        started = time.perf_counter()
        looks: list[Look] = []
        held: dict[int, Retry] = {}
        for row, item in enumerate(work):
            gate = self._bench.gate(item.resolved, item.route, snapshot)
            if isinstance(gate, Retry):
                # Nothing may judge: hold the line back rather than throw parts away.
                held[row] = gate
                continue
            watchers = self._bench.watchers(item.resolved, item.route, gate, snapshot)
            looks.extend(
                Look(row, judge.arm, judge.version, judge.model, judge.fallback) for judge in (gate, *watchers)
            )
        seen = score_mixed([item.image for item in work], looks, want_map=self._wants_map, room=self._room)
        elapsed = (time.perf_counter() - started) * 1000 / max(len(work), 1)
        together = min(len(work), self._room.limit or len(work))
        events: defaultdict[int, list[Event]] = defaultdict(list)
        for look, answer in zip(looks, seen, strict=True):
            item = work[look.row]
            stamp = ModelStamp(
                version=look.version,
                digest=look.model.digest,
                kind=look.model.model.kind,
                arm=look.arm,
                assignment=str(item.resolved.key),
                revision=item.resolved.revision,
                stale=snapshot.stale,
                fallback=look.fallback,
                embedding=answer.embedding,
            )
            spent = {"score": elapsed, "model": answer.seconds * 1000, "batch": together}
            timings = item.crop.timings.model_copy(update=spent)
            damage = verdicts.damage_check(answer.score, look.model.card.calibration.threshold, answer.map)
            verdict = verdicts.verdict(item.crop, damage, stamp, timings, clock=self._clock)
            self._metrics.judged(verdict)
            events[look.row].append(verdict)
            if answer.map is not None:
                events[look.row].append(verdicts.anomaly_map(item.crop, look.version, answer.map))
        return [held.get(row) or Emit(tuple(events[row])) for row in range(len(work))]

    def _wants_map(self, look: Look, score: float) -> bool:
        if look.arm == "shadow" or self._maps == "never":
            return False
        return self._maps == "always" or score >= look.model.card.calibration.threshold
