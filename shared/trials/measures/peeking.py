"""Whoever looks again and again sees luck sooner or later: the more parts, the surer a breach must be."""

from shared.registry.guard import Guard


def surer(guard: Guard, parts: int) -> Guard:
    """The guard with the confidence that one look at so many parts needs.

    With `min_parts` parts it is the guard's own; the chance that is left shrinks as the parts grow. By this rule the
    bound runs outwards like the root of 2 ln n, as boundaries that hold at every moment do (Robbins, Annals of
    Mathematical Statistics 41, 1970), while it costs a real rise little: the spread shrinks faster. What that comes to
    over a whole trial was simulated (docs/judge.md).

    Args:
        guard: the limits.
        parts: of the trial, in the window.
    """
    chance = (1 - guard.confidence) * min(1.0, guard.min_parts / max(parts, 1))
    return guard.model_copy(update={"confidence": 1 - chance})
