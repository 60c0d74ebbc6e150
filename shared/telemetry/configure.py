"""Configure a process's telemetry: logs to stderr, metrics and traces to a collector, where there is one."""

import os
import socket
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Final, Self

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from shared.settings.sections import TelemetrySettings
from shared.telemetry.logs import configure_logs
from shared.telemetry.spans import HideQuerySecrets

_EXPORT_TIMEOUT_S: Final = 5
"""A collector that is away may delay the end of a process by this much, and nothing else."""


class Telemetry:
    """What was configured; `shutdown` sends the rest. Also a context manager that does so."""

    def __init__(self, tracer_provider: TracerProvider, meter_provider: MeterProvider) -> None:
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider

    def shutdown(self) -> None:
        """Send what is still in the process, and stop."""
        self._tracer_provider.shutdown()
        self._meter_provider.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.shutdown()


def configure(service_name: str, settings: TelemetrySettings) -> Telemetry:
    """Configure logs, metrics and traces of this process; call it once, first thing in `main`.

    Args:
        service_name: e.g. `score`; appears as `linegate-score`.
        settings: the collector, the logs' level and format, this process's name.
    """
    name = f"linegate-{service_name}"
    instance = settings.instance or f"{socket.gethostname()}-{os.getpid()}"
    configure_logs(settings, service=name, instance=instance)
    resource = Resource.create(
        {"service.name": name, "service.instance.id": instance, "service.version": _own_version()}
    )
    tracer_provider = TracerProvider(resource=resource)
    tracer_provider.add_span_processor(HideQuerySecrets())
    readers: list[MetricReader] = []
    if settings.otlp_endpoint is not None:
        readers.append(_export(settings.otlp_endpoint.rstrip("/"), settings.export_interval_s, tracer_provider))
    meter_provider = MeterProvider(metric_readers=readers, resource=resource)
    trace.set_tracer_provider(tracer_provider)
    metrics.set_meter_provider(meter_provider)
    return Telemetry(tracer_provider, meter_provider)


def _export(endpoint: str, interval_s: float, tracer_provider: TracerProvider) -> MetricReader:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    spans = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=_EXPORT_TIMEOUT_S)
    tracer_provider.add_span_processor(BatchSpanProcessor(spans))
    points = OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics", timeout=_EXPORT_TIMEOUT_S)
    return PeriodicExportingMetricReader(
        points, export_interval_millis=interval_s * 1000, export_timeout_millis=_EXPORT_TIMEOUT_S * 1000
    )


def _own_version() -> str:
    try:
        return version("linegate")
    except PackageNotFoundError:
        return "not installed"
