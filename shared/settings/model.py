"""All settings of a Linegate process, and where they are read from.

Every secret may be given as a file instead, by its name with `_file` (`shared.settings.secret_files`).

Precedence, strongest first: arguments of `Settings(...)`, `LINEGATE_<SECTION>__<FIELD>`, the plain variables of
`PLAIN_VARIABLES`, the TOML file, the defaults.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import Field
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from shared.bus.settings import BusSettings
from shared.settings.alerts import AlertsSettings
from shared.settings.archive import ArchiveSettings, HistorySettings
from shared.settings.console import ConsoleSettings
from shared.settings.drift import DriftSettings
from shared.settings.labels import LabelsSettings
from shared.settings.notify import NotifySettings
from shared.settings.plants import PlantsSettings
from shared.settings.rollout import RolloutSettings
from shared.settings.secret_files import WithSecretFiles
from shared.settings.sections import (
    AuthSettings,
    ClientSettings,
    CropSettings,
    FaultSettings,
    GatewaySettings,
    ImageSettings,
    NetworkSettings,
    ProbesSettings,
    RedisSettings,
    ScoreSettings,
    SigningSettings,
    StoreSettings,
    TelemetrySettings,
)
from shared.settings.training import TrainingSettings

CONFIG_VARIABLE: Final = "LINEGATE_CONFIG"
DEFAULT_CONFIG: Final = Path("linegate.toml")
PLAIN_VARIABLES: Final[Mapping[str, tuple[str, str]]] = {
    "KAFKA_BOOTSTRAP_SERVERS": ("bus", "bootstrap_servers"),
    "REDIS_URL": ("redis", "url"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("telemetry", "otlp_endpoint"),
    "LINEGATE_TOKEN": ("client", "token"),
    "LINEGATE_TOKEN_FILE": ("client", "token_file"),
}
"""Short names, most of other tools' making, that are honoured where the long one is not set."""


def config_file() -> Path | None:
    """The TOML file in force: `LINEGATE_CONFIG`, else `./linegate.toml` where it exists, else none."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named).expanduser()
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None


def _from_file() -> dict[str, Any]:
    path = config_file()
    return {} if path is None else tomllib.loads(path.read_text(encoding="utf-8"))


def _from_plain_variables() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable, (section, field) in PLAIN_VARIABLES.items():
        if value := os.environ.get(variable):
            found.setdefault(section, {})[field] = value
    return found


class Settings(BaseSettings):
    """Every setting, by section."""

    model_config = SettingsConfigDict(
        env_prefix="LINEGATE_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
    )

    bus: BusSettings = Field(default_factory=BusSettings)
    redis: RedisSettings = Field(default_factory=RedisSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    images: ImageSettings = Field(default_factory=ImageSettings)
    network: NetworkSettings = Field(default_factory=NetworkSettings)
    crop: CropSettings = Field(default_factory=CropSettings)
    score: ScoreSettings = Field(default_factory=ScoreSettings)
    drift: DriftSettings = Field(default_factory=DriftSettings)
    rollout: RolloutSettings = Field(default_factory=RolloutSettings)
    training: TrainingSettings = Field(default_factory=TrainingSettings)
    plants: PlantsSettings = Field(default_factory=PlantsSettings)
    archive: ArchiveSettings = Field(default_factory=ArchiveSettings)
    history: HistorySettings = Field(default_factory=HistorySettings)
    notify: NotifySettings = Field(default_factory=NotifySettings)
    signing: SigningSettings = Field(default_factory=SigningSettings)
    labels: LabelsSettings = Field(default_factory=LabelsSettings)
    alerts: AlertsSettings = Field(default_factory=AlertsSettings)
    faults: FaultSettings = Field(default_factory=FaultSettings)
    gateway: GatewaySettings = Field(default_factory=GatewaySettings)
    console: ConsoleSettings = Field(default_factory=ConsoleSettings)
    auth: AuthSettings = Field(default_factory=AuthSettings)
    client: ClientSettings = Field(default_factory=ClientSettings)
    probes: ProbesSettings = Field(default_factory=ProbesSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings passes it by name; no .env here
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources, strongest first."""
        plain = InitSettingsSource(settings_cls, init_kwargs=_from_plain_variables())
        file = InitSettingsSource(settings_cls, init_kwargs=_from_file())
        sources = (init_settings, env_settings, plain, file)
        return tuple(WithSecretFiles(settings_cls, source) for source in sources)
