"""Turn detection as a client sets it, and the turn-taking settings it stands for.

``server_vad`` ends a turn exactly ``silence_duration_ms`` after the last voiced
sample; ``semantic_vad`` waits by how complete the words look. None is turn detection
switched off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from voiceserver.config import TurnConfig
from voiceserver.dialects.fields import (
    Check,
    Nullable,
    boolean,
    checked,
    choice,
    integer,
    mapping,
    number,
)

# TurnConfig's open interval is (0.15, 1), set by the gate's hysteresis.
_LOWEST_THRESHOLD, _HIGHEST_THRESHOLD = 0.16, 0.99


@dataclass(frozen=True, slots=True)
class ServerVad:
    """``server_vad``; the fields are the protocol's."""

    threshold: float
    prefix_padding_ms: int
    silence_duration_ms: int
    idle_timeout_ms: int | None = None
    create_response: bool = True
    interrupt_response: bool = True

    def rendered(self) -> dict[str, object]:
        """The object as the protocol shows it."""
        return {"type": "server_vad", **asdict(self)}

    def turn(self, config: TurnConfig) -> TurnConfig:
        """``config`` with these settings."""
        threshold = min(max(self.threshold, _LOWEST_THRESHOLD), _HIGHEST_THRESHOLD)
        return replace(
            config,
            policy="fixed",
            silence_ms=self.silence_duration_ms,
            prefix_ms=self.prefix_padding_ms,
            threshold=threshold,
            threshold_playing=max(threshold, config.threshold_playing),
            idle_ms=self.idle_timeout_ms or 0,
            create_reply=self.create_response,
            interrupt=self.interrupt_response,
        )


# Silence in ms after words that look complete, unclear, incomplete, and the cap; and
# where a turn-end model is heard, the most after unclear words, and the certainty that
# is wanted: points of the curve in benchmarks/results/turns.json. The caps of medium
# and auto lie below OpenAI's 4 s.
_EAGERNESS = {
    "low": (600, 1200, 2400, 8000, 1600, 0.97),
    "medium": (400, 800, 1600, 3000, 1200, 0.93),
    "auto": (400, 800, 1600, 3000, 1200, 0.93),
    "high": (300, 500, 1000, 2000, 800, 0.91),
}


@dataclass(frozen=True, slots=True)
class SemanticVad:
    """``semantic_vad``; the fields are the protocol's."""

    eagerness: str = "auto"
    create_response: bool = True
    interrupt_response: bool = True

    def rendered(self) -> dict[str, object]:
        """The object as the protocol shows it."""
        return {"type": "semantic_vad", **asdict(self)}

    def turn(self, config: TurnConfig) -> TurnConfig:
        """``config`` with these settings."""
        complete_ms, unclear_ms, incomplete_ms, cap_ms, at_most_ms, certainty = (
            _EAGERNESS[self.eagerness]
        )
        return replace(
            config,
            policy="graded",
            complete_ms=complete_ms,
            unclear_ms=unclear_ms,
            incomplete_ms=incomplete_ms,
            cap_ms=cap_ms,
            max_unclear_ms=at_most_ms,
            certainty=certainty,
            create_reply=self.create_response,
            interrupt=self.interrupt_response,
        )


TurnDetection = ServerVad | SemanticVad

_BOTH: dict[str, Check[Any]] = {
    "create_response": boolean,
    "interrupt_response": boolean,
}
_SERVER: dict[str, Check[Any]] = {
    "threshold": number(0, 1),
    "prefix_padding_ms": integer(0, 2000),
    "silence_duration_ms": integer(100, 10_000),
    "idle_timeout_ms": Nullable(integer(5000, 30_000)),
    **_BOTH,
}
_SEMANTIC: dict[str, Check[Any]] = {"eagerness": choice(*_EAGERNESS), **_BOTH}
_TYPE = choice("server_vad", "semantic_vad")


def default_detection(config: TurnConfig) -> ServerVad:
    """What holds for a client that asks for nothing."""
    idle_ms = config.idle_ms or None
    return ServerVad(config.threshold, config.prefix_ms, config.silence_ms, idle_ms)


def update_detection(
    current: TurnDetection | None, patch: object, path: str, config: TurnConfig
) -> TurnDetection | None:
    """Merge a patch into the current setting; another ``type`` replaces it.

    Raises:
        BadRequest: If a field is unknown for the type or out of range.
    """
    if patch is None:
        return None
    fields: Mapping[str, Any] = mapping(patch, path)
    kind = fields.get("type")
    if kind is not None:
        kind = _TYPE(kind, f"{path}.type")
    elif current is not None:
        kind = current.rendered()["type"]
    rest = {name: value for name, value in fields.items() if name != "type"}
    if kind == "semantic_vad":
        semantic = current if isinstance(current, SemanticVad) else SemanticVad()
        return replace(semantic, **checked(rest, _SEMANTIC, path))
    server = current if isinstance(current, ServerVad) else default_detection(config)
    return replace(server, **checked(rest, _SERVER, path))


def turn_config(detection: TurnDetection | None, config: TurnConfig) -> TurnConfig:
    """The turn-taking settings that a client's setting stands for.

    Switched off, a turn is what the client commits; nothing is answered or
    interrupted by itself.
    """
    if detection is None:
        return replace(config, policy="manual", create_reply=False, interrupt=False)
    return detection.turn(config)
