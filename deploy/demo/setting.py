"""What the demo's processes are told, and how it speaks to them."""

import json
from pathlib import Path

import httpx
from pydantic import SecretStr

from deploy.demo.plan import PLANTS
from deploy.local.process import free_port
from deploy.local.stack import LocalStack
from deploy.local.workers import worker_settings
from shared.auth.client import BearerAuth
from shared.settings.secret_files import read_secret


def demo_settings(stack: LocalStack, folder: Path) -> dict[str, str]:
    """The environment of all workers and commands: each plant by the clock on its wall.

    Raises:
        LinegateError: the key cannot be written.
    """
    named = {plant.name: {"title": plant.title, "zone": plant.zone} for plant in PLANTS}
    settings = worker_settings(stack, folder, port=free_port(), console_port=free_port())
    return settings | {"LINEGATE_PLANTS__NAMED": json.dumps(named)}


def gateway_client(settings: dict[str, str]) -> httpx.Client:
    """A camera PC's client, with the demo's key."""
    return httpx.Client(
        base_url=f"http://127.0.0.1:{settings['LINEGATE_GATEWAY__PORT']}",
        auth=BearerAuth(SecretStr(read_secret(Path(settings["LINEGATE_TOKEN_FILE"]), "client.token_file"))),
    )


def console_url(settings: dict[str, str]) -> str:
    """The console's address."""
    return f"http://127.0.0.1:{settings['LINEGATE_CONSOLE__PORT']}"
