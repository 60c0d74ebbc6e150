"""The application: routes, problems and schema, around a publisher and the verdicts. It starts and stops nothing."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from fastapi import FastAPI, Security

from services.gateway import openapi, problems
from services.gateway.alerts.channels import channel_routes
from services.gateway.alerts.deliveries import delivery_routes
from services.gateway.alerts.desk import AlertDesk
from services.gateway.alerts.openapi import SCHEMAS as ALERT_SCHEMAS
from services.gateway.alerts.routes import alert_routes
from services.gateway.alerts.silences import silence_routes
from services.gateway.alerts.stream import stream_routes
from services.gateway.alerts.subscriptions import subscription_routes
from services.gateway.feedback import SCHEMAS as FEEDBACK_SCHEMAS
from services.gateway.feedback import feedback_routes
from services.gateway.feedback_desk import FeedbackDesk
from services.gateway.guard import Guard
from services.gateway.rollout_desk import RolloutDesk
from services.gateway.rollout_openapi import SCHEMAS as ROLLOUT_SCHEMAS
from services.gateway.rollouts import rollout_routes
from services.gateway.routes import Gateway, v1
from services.gateway.submissions import Acknowledgement, Submissions
from services.gateway.verdict_cache import VerdictCache
from shared.auth import Authenticator
from shared.bus.topics import MAX_RECORD_BYTES
from shared.events import Feedback, PartImage
from shared.settings import Settings

API_VERSION: Final = "1"
ACKNOWLEDGE_SECONDS: Final = 10.0
"""How long a client waits for the broker's acknowledgement before it is told to come again."""
WINDOW: Final = 50_000
"""Ids within which a retry is recognised: hours of a line, some ten megabytes."""
UPLOADS: Final = 32
"""Photos in memory at once; the next client is told to come again in a second."""
BACKLOG_BYTES: Final = 192 * 1024 * 1024
"""Photos on their way to Kafka; three quarters of the publisher's queue."""
FEEDBACK_BACKLOG: Final = 1000
"""Words of people on their way to Kafka."""
HEADER_ROOM: Final = 64 * 1024
"""Bytes of a Kafka record beside the photo."""


class Publisher(Protocol):
    """What the gateway needs of `shared.bus.publisher.EventPublisher`."""

    def publish(self, event: PartImage | Feedback, /) -> Acknowledgement:
        """Hand `event` to Kafka; the future resolves when the broker holds it."""
        ...


def create_app(
    settings: Settings,
    publisher: Publisher,
    verdicts: VerdictCache,
    authenticator: Authenticator,
    *,
    rollouts: RolloutDesk,
    alerts: AlertDesk,
    reachable: Callable[[], bool],
    current: Callable[[], bool],
    acknowledge_s: float = ACKNOWLEDGE_SECONDS,
) -> FastAPI:
    """Make the application.

    Args:
        settings: of the process.
        publisher: takes photos to Kafka.
        verdicts: filled by a reader of Kafka.
        authenticator: tells who asks.
        rollouts: asks the registry.
        alerts: asks what Redis keeps of alerts.
        reachable: whether Kafka answers; may block for a moment.
        current: whether the answers that were in Kafka at the start have been read.
        acknowledge_s: seconds to wait for the broker's acknowledgement.
    """
    guard = Guard(authenticator)
    gateway = Gateway(
        settings=settings,
        guard=guard,
        submissions=Submissions(publisher.publish, capacity=WINDOW, backlog=BACKLOG_BYTES),
        verdicts=verdicts,
        reachable=reachable,
        current=current,
        acknowledge_s=acknowledge_s,
        max_photo_bytes=min(
            settings.gateway.max_upload_bytes, settings.images.max_bytes, MAX_RECORD_BYTES - HEADER_ROOM
        ),
        uploads=asyncio.Semaphore(UPLOADS),
    )
    # No documentation pages: FastAPI's load their scripts from a CDN, which a plant without internet cannot reach.
    app = FastAPI(
        title="Linegate gateway",
        version=API_VERSION,
        description=openapi.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        # Ours below, for those who may come in.
        openapi_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    app.include_router(v1(gateway))
    app.include_router(
        feedback_routes(gateway, FeedbackDesk(publisher.publish, capacity=WINDOW, backlog=FEEDBACK_BACKLOG))
    )
    app.include_router(rollout_routes(guard, rollouts))
    # Before the alerts, or `stream` would be the id of one.
    app.include_router(stream_routes(guard, alerts))
    app.include_router(alert_routes(guard, alerts))
    app.include_router(subscription_routes(guard, alerts, settings.network))
    app.include_router(channel_routes(guard, alerts))
    app.include_router(delivery_routes(guard, alerts))
    app.include_router(silence_routes(guard, alerts))
    generate = app.openapi

    def with_problems() -> dict[str, Any]:
        schema = generate()
        schema["components"]["schemas"].update(openapi.SCHEMAS | FEEDBACK_SCHEMAS | ROLLOUT_SCHEMAS | ALERT_SCHEMAS)
        return schema

    app.openapi = with_problems  # type: ignore[method-assign]  # FastAPI's documented way to extend the schema

    @app.get("/openapi.json", include_in_schema=False, dependencies=[Security(guard)])
    async def document() -> dict[str, Any]:
        return app.openapi()

    return app
