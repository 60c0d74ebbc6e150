"""The settings of every process: environment variables, one TOML file, documented defaults."""

from shared.settings.load import SettingsRejected, load_settings
from shared.settings.model import Settings
from shared.settings.sections import (
    CropSettings,
    FaultSettings,
    GatewaySettings,
    ImageSettings,
    MapPolicy,
    NetworkSettings,
    RedisSettings,
    ScoreSettings,
    SigningSettings,
    StoreSettings,
    TelemetrySettings,
)

__all__ = [
    "CropSettings",
    "FaultSettings",
    "GatewaySettings",
    "ImageSettings",
    "MapPolicy",
    "NetworkSettings",
    "RedisSettings",
    "ScoreSettings",
    "Settings",
    "SettingsRejected",
    "SigningSettings",
    "StoreSettings",
    "TelemetrySettings",
    "load_settings",
]
