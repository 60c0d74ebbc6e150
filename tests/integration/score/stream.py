"""Photos that stream past a score worker, what it said to each, and what the registry held meanwhile."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from services.score.route import route
from shared.bus.reader import EventReader
from shared.events import ModelStamp, ShadowVerdict, Verdict
from shared.registry.client import Registry
from shared.registry.lifecycle import Transition
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, VersionRecord
from tests.integration.score.conftest import PATIENCE, ScoreLine
from tests.unit.services.events import crop

PAUSE_S = 0.03


class Stream:
    """Sends parts from when it is entered until it is left, and keeps what comes of them."""

    def __init__(self, line: ScoreLine) -> None:
        self.line = line
        self.key = PlaceKey.parse(line.name)
        self.sent: dict[str, str] = {}
        """Part by photo."""
        self.verdicts: list[Verdict] = []
        self.arrivals: list[float] = []
        self.shadows: list[ShadowVerdict] = []
        self.history: dict[int, Assignment] = {}
        """What was assigned, by revision."""
        self._reader = EventReader(line.bus, (Verdict, ShadowVerdict))
        self._sending = threading.Event()
        self._reading = threading.Event()
        self._threads = [threading.Thread(target=self._send), threading.Thread(target=self._read)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._sending.set()
        deadline = time.monotonic() + (PATIENCE if error is None else 0)
        while {verdict.image for verdict in self.verdicts} != self.sent.keys() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)  # for one too many
        self._reading.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        self._reader.close()

    def advance(self, transition: Transition) -> int:
        """Take a step of the rollout; answers its revision."""
        with Registry(self.line.settings.redis) as registry:
            advanced = registry.advance(self.key, transition, action="test", author="ada")
        self.history[advanced.revision] = advanced.after
        return advanced.revision

    def register(self, *versions: str) -> None:
        """Register versions of the line's bundles."""
        with Registry(self.line.settings.redis) as registry:
            for version in versions:
                registry.register(VersionRecord(version=version, digest=self.line.digests[version], kind="padim"))

    def wait(self, condition: Callable[[ModelStamp], object], what: str) -> float:
        """Wait for a verdict, from now on, of which `condition` holds; answers how long it took, in seconds."""
        started, at = time.monotonic(), len(self.verdicts)
        while time.monotonic() < started + PATIENCE:
            for number in range(at, len(self.arrivals)):
                model = self.verdicts[number].model
                if model is not None and condition(model):
                    return self.arrivals[number] - started
            at = len(self.arrivals)
            time.sleep(0.005)
        raise AssertionError(f"no verdict {what}; the last ones: {[v.model for v in self.verdicts[-2:]]}")

    def goes_on(self, count: int, condition: Callable[[ModelStamp], object], what: str) -> None:
        """The next `count` verdicts come, and `condition` holds of each."""
        for _ in range(count):
            self.wait(lambda _: True, "at all")
            model = self.verdicts[-1].model
            assert model is not None
            assert condition(model), f"{what}: {model}"

    def check(self) -> None:
        """Each photo one verdict, by the version and arm that the entry of its revision sends the part to."""
        counts = Counter(verdict.image for verdict in self.verdicts)
        assert counts == Counter(dict.fromkeys(self.sent, 1))
        for verdict in self.verdicts:
            model = verdict.model
            assert model is not None
            wanted = route(self.history[model.revision], verdict.part)
            if model.fallback is None:
                assert (model.version, model.arm) == (wanted.version, wanted.arm), model
            else:
                assert (model.fallback.assigned, model.fallback.arm) == (wanted.version, wanted.arm), model

    def mirrored(self) -> set[str]:
        """Photos at which the champion looked on, each once; never one that it judged itself."""
        gated = {verdict.image: verdict.model for verdict in self.verdicts}
        for shadow in self.shadows:
            gate = gated[shadow.image]
            assert gate is not None
            assert shadow.model is not None
            assert (gate.arm, shadow.model.arm, shadow.model.revision) == ("canary", "shadow", gate.revision)
            assert shadow.model.version == self.history[gate.revision].champion
        seen = Counter(shadow.image for shadow in self.shadows)
        assert set(seen.values()) <= {1}
        return set(seen)

    def _send(self) -> None:
        while not self._sending.wait(PAUSE_S):
            photo = uuid.uuid4().hex
            self.sent[photo] = f"P{photo}"
            event = crop(photo, id=f"crop-{photo}", plant=self.line.name, image=photo)
            self.line.publisher.publish(event).result(PATIENCE)

    def _read(self) -> None:
        while not self._reading.is_set():
            read = self._reader.poll(0.1)
            event = None if read is None else read[1]
            if not isinstance(event, Verdict) or event.image not in self.sent:
                continue
            if isinstance(event, ShadowVerdict):
                self.shadows.append(event)
            else:
                self.verdicts.append(event)
                self.arrivals.append(time.monotonic())
