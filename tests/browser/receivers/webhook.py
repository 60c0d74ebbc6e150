"""A receiver of webhooks that keeps what it got."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """The message; raises `WebhookVerificationError` where signature or time stamp are not right."""
        return Webhook(secret).verify(self.body, self.headers)

    @property
    def message(self) -> Any:
        """The message, not verified."""
        return json.loads(self.body)


@dataclass
class WebhookReceiver:
    """An HTTP server on this machine that answers 204 to every POST."""

    deliveries: list[Delivery] = field(default_factory=list)

    def __enter__(self) -> Self:
        deliveries = self.deliveries

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                deliveries.append(Delivery(self.path, headers, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="webhook receiver")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str) -> str:
        """Its address; each subscription posts to a path of its own."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{path}"

    def at(self, path: str) -> list[Delivery]:
        """What came to a path."""
        return [delivery for delivery in list(self.deliveries) if delivery.path == f"/{path}"]
