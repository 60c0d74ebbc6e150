"""The settings of every process: environment variables, one TOML file, documented defaults."""

from shared.settings.archive import ArchiveSettings, HistorySettings
from shared.settings.drift import DriftSettings
from shared.settings.load import SettingsRejected, load_settings
from shared.settings.model import Settings
from shared.settings.rollout import RolloutSettings
from shared.settings.sections import (
    AuthSettings,
    ClientSettings,
    CropSettings,
    FaultSettings,
    GatewaySettings,
    ImageSettings,
    MapPolicy,
    NetworkSettings,
    ProbesSettings,
    RedisSettings,
    ScoreSettings,
    SigningSettings,
    StoreSettings,
    TelemetrySettings,
)
from shared.settings.training import TrainingSettings

__all__ = [
    "ArchiveSettings",
    "AuthSettings",
    "ClientSettings",
    "CropSettings",
    "DriftSettings",
    "FaultSettings",
    "GatewaySettings",
    "HistorySettings",
    "ImageSettings",
    "MapPolicy",
    "NetworkSettings",
    "ProbesSettings",
    "RedisSettings",
    "RolloutSettings",
    "ScoreSettings",
    "Settings",
    "SettingsRejected",
    "SigningSettings",
    "StoreSettings",
    "TelemetrySettings",
    "TrainingSettings",
    "load_settings",
]
