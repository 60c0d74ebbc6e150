"""What the drift monitor measures, through OpenTelemetry; without a configured meter it costs next to nothing.

Gauges are observed: a window that is gone is no longer exported, where a gauge that is set would keep its last value.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from services.rollout.drift.decide import Finding, Signal
from services.rollout.drift.window import Watched

METER: Final = metrics.get_meter("linegate.drift")
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
Value = Callable[[Finding], Iterable[tuple[float, dict[str, str]]]]


class DriftMetrics:
    """The instruments of the drift monitor, made by `meter`."""

    def __init__(self, meter: metrics.Meter = METER) -> None:
        self._findings: Sequence[Finding] = ()
        meter.create_observable_gauge("linegate.drift.parts", [self._observe(_parts)], description="Parts in a window.")
        meter.create_observable_gauge(
            "linegate.drift.reject_rate", [self._observe(_rejected)], description="Rejected share of a window."
        )
        meter.create_observable_gauge(
            "linegate.drift.mean", [self._observe(_mean)], description="Mean of the values that are compared."
        )
        meter.create_observable_gauge(
            "linegate.drift.deviation", [self._observe(_deviation)], description="Their standard deviation."
        )
        meter.create_observable_gauge(
            "linegate.drift.quantile", [self._observe(_quantiles)], description="Quantiles of them."
        )
        meter.create_observable_gauge(
            "linegate.drift.psi",
            [self._observe(_psi)],
            description="Population stability index beside held-out parts.",
        )
        meter.create_observable_gauge(
            "linegate.drift.ks", [self._observe(_ks)], description="Kolmogorov-Smirnov distance against the same."
        )
        meter.create_observable_gauge(
            "linegate.drift.drifting", [self._observe(_drifting)], description="1 while a limit is broken, else 0."
        )

    def found(self, findings: Sequence[Finding]) -> None:
        """What every window looks like now. Not changed afterwards, since the exporter reads it from another thread."""
        self._findings = tuple(findings)

    def _observe(self, value: Value) -> Callable[[CallbackOptions], Iterator[Observation]]:
        def observe(_: CallbackOptions) -> Iterator[Observation]:
            for finding in self._findings:
                for number, more in value(finding):
                    yield Observation(number, {**_labels(finding.watched), **more})

        return observe


def _labels(watched: Watched) -> dict[str, str]:
    return {
        "key": watched.key,
        "version": watched.version,
        "plant": watched.plant,
        "line": watched.line,
        "station": watched.station,
        "camera": watched.camera,
    }


def _signals(finding: Finding) -> Iterator[tuple[Signal, dict[str, str]]]:
    for signal in (finding.score, finding.embedding):
        if len(signal.values):
            yield signal, {"signal": signal.name}


def _parts(finding: Finding) -> Iterator[tuple[float, dict[str, str]]]:
    yield finding.parts, {}


def _rejected(finding: Finding) -> Iterator[tuple[float, dict[str, str]]]:
    yield finding.rejected, {}


def _mean(finding: Finding) -> Iterator[tuple[float, dict[str, str]]]:
    for signal, labels in _signals(finding):
        yield float(np.mean(signal.values)), labels


def _deviation(finding: Finding) -> Iterator[tuple[float, dict[str, str]]]:
    for signal, labels in _signals(finding):
        yield float(np.std(signal.values)), labels


def _quantiles(finding: Finding) -> Iterator[tuple[float, dict[str, str]]]:
    for signal, labels in _signals(finding):
        for level, value in zip(QUANTILES, np.quantile(signal.values, QUANTILES), strict=True):
            yield float(value), {**labels, "quantile": f"{level:g}"}


def _psi(finding: Finding) -> Iterator[tuple[float, dict[str, str]]]:
    for signal, labels in _signals(finding):
        if signal.shift is not None:
            yield signal.shift.psi, labels


def _ks(finding: Finding) -> Iterator[tuple[float, dict[str, str]]]:
    for signal, labels in _signals(finding):
        if signal.shift is not None:
            yield signal.shift.ks, labels


def _drifting(finding: Finding) -> Iterator[tuple[float, dict[str, str]]]:
    for signal in (finding.score, finding.embedding):
        yield float(signal.name in finding.drifting), {"signal": signal.name}
