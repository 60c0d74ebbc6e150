"""What the judge measures, through OpenTelemetry; without a configured meter it costs next to nothing."""

from typing import Final

import numpy as np
from opentelemetry import metrics

from shared.events import RolloutBreach
from shared.trials.measures.evidence import Evidence
from shared.trials.trial import Trial

METER: Final = metrics.get_meter("linegate.rollout")


class JudgeMetrics:
    """The instruments of the rollout worker, made by `meter`."""

    def __init__(self, meter: metrics.Meter = METER) -> None:
        self._rate = meter.create_gauge(
            "linegate.rollout.reject_rate", description="Rejected parts of a trial's window, by version."
        )
        self._pairs = meter.create_gauge("linegate.rollout.pairs", description="Parts that both have an opinion on.")
        self._breaches = meter.create_counter("linegate.rollout.breaches", description="Limits that were broken.")

    def measured(self, trial: Trial, evidence: Evidence) -> None:
        """A trial was looked at."""
        for arm, sample in ((trial.arm, evidence.trial), ("champion", evidence.champion)):
            if sample.parts:
                self._rate.set(float(np.mean(sample.fails)), {"key": trial.key, "trial": trial.arm, "arm": arm})
        self._pairs.set(evidence.pairs, {"key": trial.key, "trial": trial.arm})

    def breached(self, event: RolloutBreach) -> None:
        """A limit was broken."""
        self._breaches.add(1, {"key": event.key, "arm": event.arm, "measure": event.measure})
