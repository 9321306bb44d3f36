"""Settings: frozen values, and how they are read. Every field has a row in the README; no secret is ever shown."""

from vault.config.load import PREFIX, SettingsError, load_settings
from vault.config.settings import (
    DatasluisSettings,
    IdentitySettings,
    Limits,
    MailSettings,
    NotifySettings,
    ObserveSettings,
    OperatorSettings,
    OutboundSettings,
    ServerSettings,
    Settings,
    StorageSettings,
    UpstreamSettings,
    in_force,
    insecure_settings,
    setting_names,
)

__all__ = [
    "PREFIX",
    "DatasluisSettings",
    "IdentitySettings",
    "Limits",
    "MailSettings",
    "NotifySettings",
    "ObserveSettings",
    "OperatorSettings",
    "OutboundSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "StorageSettings",
    "UpstreamSettings",
    "in_force",
    "insecure_settings",
    "load_settings",
    "setting_names",
]
