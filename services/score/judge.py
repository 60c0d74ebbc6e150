"""Which loaded model judges a part: the assigned one, or else the one that judged there before, and never silently."""

from dataclasses import dataclass

from services.score.failure import ModelNotLoaded
from services.score.in_force import InForce
from services.score.models import ModelShelf
from services.score.route import Route
from shared.bus.step import Retry
from shared.events import Arm, Fallback
from shared.models.bundle import LoadedModel
from shared.registry.records import Resolved, VersionRecord
from shared.registry.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Judge:
    """The model that judges, the version it is, and why it is not the assigned one."""

    version: str
    arm: Arm
    model: LoadedModel
    fallback: Fallback | None = None


class Bench:
    """Chooses the judge.

    Args:
        shelf: of loaded models.
        in_force: which version was last in force where.
    """

    def __init__(self, shelf: ModelShelf, in_force: InForce) -> None:
        self._shelf = shelf
        self._in_force = in_force

    def gate(self, resolved: Resolved, route: Route, snapshot: Snapshot) -> Judge | Retry:
        """The judge of a part; `Retry` where neither the assigned version nor an earlier one can be loaded.

        A canary that cannot be loaded leaves its part to the champion. A champion that cannot be loaded leaves it to
        the version last in force under the same key, or under the one that held there until that key was assigned.
        """
        key = resolved.key.root
        assigned = self._load(route.version, snapshot)
        if isinstance(assigned, LoadedModel):
            if route.arm == "champion":
                self._remember(key, route.version, snapshot)
            return Judge(route.version, route.arm, assigned)
        fallback = Fallback(assigned=route.version, arm=route.arm, reason=assigned)
        champion = resolved.assignment.champion
        if route.arm == "canary":
            model = self._load(champion, snapshot)
            if isinstance(model, LoadedModel):
                self._remember(key, champion, snapshot)
                return Judge(champion, "champion", model, fallback)
        earlier = self._in_force.last(resolved.key)
        if earlier is None or earlier.version == champion:
            return Retry(f"model version {route.version} cannot be loaded and none was in force before: {assigned}")
        try:
            return Judge(earlier.version, "champion", self._shelf.get(earlier), fallback)
        except ModelNotLoaded as fault:
            return Retry(
                f"neither model version {route.version} can be loaded ({assigned}) nor {earlier.version}, which was in "
                f"force before ({fault})"
            )

    def watchers(self, resolved: Resolved, route: Route, gate: Judge, snapshot: Snapshot) -> list[Judge]:
        """The models that only look on, each once. The gate does not wait for them: they may be missing.

        These are the shadow and, at a part that the canary judges, the champion: whoever compares the two then has both
        on the same parts. The canary never looks on at the champion's parts while it is on trial.
        """
        trial = resolved.assignment.canary
        wanted = [] if route.shadow is None else [route.shadow]
        if trial is not None and not trial.paused:
            wanted = [version for version in wanted if version != trial.version]
        if gate.arm == "canary":
            wanted.append(resolved.assignment.champion)
        watching = []
        for version in dict.fromkeys(wanted):
            record = snapshot.version(version)
            model = None if record is None else self._shelf.held(record)
            if model is not None:
                watching.append(Judge(version, "shadow", model))
        return watching

    def _remember(self, key: str, version: str, snapshot: Snapshot) -> None:
        record = snapshot.version(version)
        if record is not None:
            self._in_force.remember(key, record)

    def _load(self, version: str, snapshot: Snapshot) -> LoadedModel | str:
        """The model, or why there is none."""
        record: VersionRecord | None = snapshot.version(version)
        if record is None:
            return "it is assigned but not registered"
        try:
            return self._shelf.get(record)
        except ModelNotLoaded as fault:
            return str(fault)
