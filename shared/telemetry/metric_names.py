"""Every metric that Linegate exports. A test compares this list with the code; dashboards may rely on it."""

from typing import Literal

MetricName = Literal[
    # --- bus: OpenTelemetry messaging conventions -------------------------------------------------------------------
    # Counter: events taken from Kafka. Labels here and below: worker, messaging.consumer.group.name.
    "messaging.client.consumed.messages",
    # Counter: events published in committed transactions.
    "messaging.client.sent.messages",
    # Histogram, s: one batch in the step.
    "messaging.process.duration",
    # Histogram, s: one transaction, from begin to commit.
    "messaging.client.operation.duration",
    # --- bus: our own -----------------------------------------------------------------------------------------------
    # Histogram: events in one batch.
    "linegate.bus.batch.size",
    # Histogram, s: from poll to step, of a batch's oldest event.
    "linegate.bus.queue.wait",
    # Histogram, s: age of a batch's oldest record when it was taken.
    "linegate.bus.lag.seconds",
    # Gauge: records behind the end of a partition. Labels: topic, partition.
    "linegate.bus.lag.messages",
    # Counter: committed transactions.
    "linegate.bus.commits",
    # Counter: aborted transactions.
    "linegate.bus.aborts",
    # Counter: partitions came or went. Label: kind (assign, revoke, lost).
    "linegate.bus.rebalances",
    # Counter: events that can never be processed.
    "linegate.bus.dead_letters",
    # Counter: events that asked to wait.
    "linegate.bus.retries",
    # Counter: batches in which the step raised.
    "linegate.bus.step.failures",
    # --- verdicts ---------------------------------------------------------------------------------------------------
    # Histogram, s: from shutter to verdict, but for photos whose camera's clock is off. Labels here: plant, line.
    "linegate.verdict.latency",
    # Counter: verdicts by another version than the assigned one, which could not be loaded.
    "linegate.verdict.fallbacks",
    # --- trials: the automatic judge. Labels: key, trial (canary, shadow) -------------------------------------------
    # Gauge: rejected share of a trial's window. Label: arm (champion, canary, shadow).
    "linegate.rollout.reject_rate",
    # Gauge: parts of the window that both versions have an opinion on.
    "linegate.rollout.pairs",
    # Counter: limits that a trial broke. Labels: key, arm, measure.
    "linegate.rollout.breaches",
    # --- models -----------------------------------------------------------------------------------------------------
    # Histogram, s: from the store to the first score. Label: version.
    "linegate.model.load.duration",
    # Counter: entries of the registry that came into force.
    "linegate.model.swaps",
    # Histogram, s: from the news of a change of the registry until the worker judges by it.
    "linegate.model.swap.duration",
    # Gauge: models in memory.
    "linegate.model.held",
    # Gauge, By: memory they take.
    "linegate.model.held.bytes",
    # Counter: versions at work that had to make room for another one.
    "linegate.model.thrash",
    # --- labels: what people found (docs/feedback.md) ---------------------------------------------------------------
    # Counter: labels made. Labels: plant, line, finding.
    "linegate.labels.given",
    # Gauge: share of damaged among the latest 200 rejected parts that were looked at. Labels: plant, line.
    "linegate.labels.precision",
    # --- notify: alerts on their way (docs/notifications.md). Label: kind (webhook, email, mqtt) ----------------------
    # Counter: attempts. Label: outcome (delivered, retry, failed, disabled).
    "linegate.notify.attempts",
    # Histogram, s: one attempt.
    "linegate.notify.duration",
    # Histogram, s: from the alert's step to the receiver's answer.
    "linegate.notify.latency",
    # Gauge, no label: messages in the outboxes.
    "linegate.notify.waiting",
    # --- alerts (docs/alerts.md) ------------------------------------------------------------------------------------
    # Counter: conditions that were met, counted once each. Label: condition.
    "linegate.alerts.triggers",
    # Counter: steps of alerts told on Kafka. Label: step.
    "linegate.alerts.steps",
    # Gauge: alerts that are not resolved. Label: severity.
    "linegate.alerts.open",
    # Gauge, s: how old a photo may be that still waits to be judged: windows and silence are decided so much later.
    "linegate.alerts.behind",
    # --- drift of champions. Labels: key, version, plant, line, station, camera ---------------------------------------
    # Gauge: parts in the window.
    "linegate.drift.parts",
    # Gauge: rejected share of the window.
    "linegate.drift.reject_rate",
    # Gauges over the window. Label here and below: signal (score, embedding).
    "linegate.drift.mean",
    "linegate.drift.deviation",
    # Gauge. Label: quantile (0.05, 0.25, 0.5, 0.75, 0.95).
    "linegate.drift.quantile",
    # Gauges: population stability index and Kolmogorov-Smirnov distance against held-out good parts.
    "linegate.drift.psi",
    "linegate.drift.ks",
    # Gauge: 1 while a limit is broken, else 0.
    "linegate.drift.drifting",
    # --- the archive (docs/history.md) -------------------------------------------------------------------------------
    # Counter: rows of the history written; again for a batch that comes again. Label here and below: plant.
    "linegate.archive.rows",
    # Counter: pictures kept. Label here and below: name (photo, crop, map).
    "linegate.archive.pictures",
    # Counter: pictures that were to be kept, but are nowhere any more.
    "linegate.archive.pictures.missing",
    # Counter: photos whose pictures, or days whose rows, were removed for their age. Label: what.
    "linegate.archive.expired",
    # --- faults of our own ------------------------------------------------------------------------------------------
    # Up-down counter: faults that are there now. Labels: kind, worker.
    "linegate.faults.open",
]
