"""The settings of every process: environment variables, one TOML file, documented defaults."""

from shared.settings.load import SettingsRejected, load_settings
from shared.settings.model import Settings
from shared.settings.sections import (
    CropSettings,
    GatewaySettings,
    ImageSettings,
    MapPolicy,
    RedisSettings,
    ScoreSettings,
    StoreSettings,
    TelemetrySettings,
)

__all__ = [
    "CropSettings",
    "GatewaySettings",
    "ImageSettings",
    "MapPolicy",
    "RedisSettings",
    "ScoreSettings",
    "Settings",
    "SettingsRejected",
    "StoreSettings",
    "TelemetrySettings",
    "load_settings",
]
