"""Configuration: one frozen tree of settings, and its strict reading from TOML."""

from voiceserver.config.budget import BudgetConfig
from voiceserver.config.call_webhook import CallWebhookConfig
from voiceserver.config.cluster import ClusterConfig, HostConfig, PoolConfig
from voiceserver.config.drift import DriftConfig
from voiceserver.config.providers import (
    RecogniserProvider,
    SpeechProvider,
    TextProvider,
)
from voiceserver.config.record import RecordConfig
from voiceserver.config.router import RouterConfig, RouterRule
from voiceserver.config.shadow import ShadowConfig
from voiceserver.config.sip import SipAccount, SipConfig, SipTrunk
from voiceserver.config.telephony import (
    AudioSocketConfig,
    NumberConfig,
    TelephonyConfig,
)
from voiceserver.config.tracing import TracingConfig
from voiceserver.config.transformers import TransformersConfig
from voiceserver.config.tree import (
    Config,
    EnginesConfig,
    LogConfig,
    MediaConfig,
    RecogniserConfig,
    ResponderConfig,
    ServerConfig,
    SpeechConfig,
    TextConfig,
    WhisperConfig,
)
from voiceserver.config.turn import TurnConfig

__all__ = [
    "ClusterConfig",
    "Config",
    "ServerConfig",
    "MediaConfig",
    "EnginesConfig",
    "TurnConfig",
    "BudgetConfig",
    "RecogniserConfig",
    "ResponderConfig",
    "WhisperConfig",
    "SpeechConfig",
    "TextConfig",
    "TextProvider",
    "TransformersConfig",
    "TracingConfig",
    "RecogniserProvider",
    "SpeechProvider",
    "AudioSocketConfig",
    "TelephonyConfig",
    "SipAccount",
    "SipConfig",
    "CallWebhookConfig",
    "SipTrunk",
    "NumberConfig",
    "DriftConfig",
    "ShadowConfig",
    "RecordConfig",
    "RouterConfig",
    "RouterRule",
    "PoolConfig",
    "HostConfig",
    "LogConfig",
]
