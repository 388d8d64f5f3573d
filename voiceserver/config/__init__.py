"""Configuration: one frozen tree of settings, and its strict reading from TOML."""

from voiceserver.config.tree import (
    BudgetConfig,
    Config,
    EnginesConfig,
    LogConfig,
    MediaConfig,
    RecogniserConfig,
    ResponderConfig,
    ServerConfig,
    SpeechConfig,
    TextConfig,
    TextProvider,
    TurnConfig,
)

__all__ = [
    "Config",
    "ServerConfig",
    "MediaConfig",
    "EnginesConfig",
    "TurnConfig",
    "BudgetConfig",
    "RecogniserConfig",
    "ResponderConfig",
    "SpeechConfig",
    "TextConfig",
    "TextProvider",
    "LogConfig",
]
