"""The session object of the Realtime protocol: defaults, partial updates, its echo.

An update is a patch: members that are absent or null stay, nested objects merge, and
either all of it takes effect or none. What the conversation should do about it comes
out as a ``Configure``; nothing here talks to the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from voiceserver.commands import Configure
from voiceserver.config import Config, TurnConfig
from voiceserver.dialects.fields import (
    NULLABLE,
    Check,
    boolean,
    checked,
    choice,
    integer,
    mapping,
    number,
    opaque,
    text,
    unknown,
)
from voiceserver.dialects.realtime.tools import (
    check_choice,
    check_tools,
    tool_use,
)
from voiceserver.dialects.realtime.vad import (
    TurnDetection,
    default_detection,
    turn_config,
    update_detection,
)
from voiceserver.errors import BadRequest
from voiceserver.voices import Voices

_PCM = {"type": "audio/pcm", "rate": 24_000}


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a client set, defaults filled in; a snapshot that never changes.

    Attributes:
        kind: ``"realtime"`` or ``"transcription"``, which answers nothing.
        max_output_tokens: 1..4096 or ``"inf"``; the server's own bound holds as well.
        noise_reduction: Like all below it sent back, and without effect.
    """

    model: str
    instructions: str
    voice: str
    speed: float
    detection: TurnDetection | None
    transcription: Mapping[str, Any] | None
    kind: str = "realtime"
    output_modalities: list[str] = field(default_factory=lambda: ["audio"])
    tools: list[dict[str, Any]] = field(default_factory=list)
    tool_choice: object = "auto"
    max_output_tokens: int | str = "inf"
    input_format: Mapping[str, Any] = field(default_factory=lambda: _PCM)
    output_format: Mapping[str, Any] = field(default_factory=lambda: _PCM)
    noise_reduction: object = None
    truncation: object = "auto"
    tracing: object = None
    prompt: object = None
    include: object = None
    reasoning: object = None
    parallel_tool_calls: object = True

    @classmethod
    def starting(cls, config: Config) -> SessionSettings:
        """The settings of a client that asked for nothing."""
        return cls(
            model="voiceserver",
            instructions=config.text.instructions,
            voice=config.speech.voice,
            speed=config.speech.speed,
            detection=default_detection(config.turn),
            transcription={"model": config.engines.recogniser},
        )

    @property
    def spoken(self) -> bool:
        """Whether replies are heard, not read."""
        return self.output_modalities == ["audio"]

    def rendered(self, session_id: str) -> dict[str, object]:
        """The session object as ``session.created`` and ``.updated`` carry it."""
        heard = {
            "format": self.input_format,
            "transcription": self.transcription,
            "noise_reduction": self.noise_reduction,
            "turn_detection": self.detection.rendered() if self.detection else None,
        }
        if self.kind == "transcription":
            return {
                "type": self.kind,
                "object": "realtime.transcription_session",
                "id": session_id,
                "include": self.include,
                "audio": {"input": heard},
            }
        return {
            "type": self.kind,
            "object": "realtime.session",
            "id": session_id,
            "model": self.model,
            "output_modalities": self.output_modalities,
            "instructions": self.instructions,
            "tools": self.tools,
            "tool_choice": self.tool_choice,
            "max_output_tokens": self.max_output_tokens,
            "truncation": self.truncation,
            "tracing": self.tracing,
            "prompt": self.prompt,
            "include": self.include,
            "reasoning": self.reasoning,
            "parallel_tool_calls": self.parallel_tool_calls,
            "audio": {
                "input": heard,
                "output": {
                    "format": self.output_format,
                    "voice": self.voice,
                    "speed": self.speed,
                },
            },
        }


@dataclass(frozen=True, slots=True)
class SessionRules:
    """What a server allows a client to set.

    Attributes:
        config: Settings of the server, which the client's are laid over.
        voices: The voices to choose from.
    """

    config: Config
    voices: Voices

    def update(
        self, settings: SessionSettings, patch: object, above: str = "session"
    ) -> SessionSettings:
        """Lay a patch, a JSON value, over the settings.

        Args:
            settings: What holds so far.
            patch: As the client sent it.
            above: Path of the patch, for refusals.

        Raises:
            BadRequest: If any member is unknown, of a wrong type or out of range.
        """
        changes: dict[str, Any] = {}
        for path, value in _leaves(mapping(patch, above), "", above):
            name = path.rpartition(".")[2]
            if value is None and name not in NULLABLE:
                continue
            changes |= _LEAVES[path](self, settings, value, f"{above}.{path}")
        return replace(settings, **changes)

    def configure(self, settings: SessionSettings) -> Configure:
        """Everything that the settings say about the conversation."""
        return Configure(
            instructions=settings.instructions,
            voice=self.voices.spoken_by(settings.voice),
            speed=settings.speed,
            turn=self._turn(settings),
            max_output_tokens=self._bound(settings.max_output_tokens),
            tools=tool_use(settings.tools, settings.tool_choice),
            text_only=not settings.spoken,
        )

    def _turn(self, settings: SessionSettings) -> TurnConfig:
        turn = turn_config(settings.detection, self.config.turn)
        if settings.kind == "transcription":
            turn = replace(turn, create_reply=False, interrupt=False)
        return turn

    def starting_config(self, settings: SessionSettings) -> Config:
        """The server's settings with a client's starting ones laid over them."""
        config = self.config
        voice = self.voices.spoken_by(settings.voice)
        bound = self._bound(settings.max_output_tokens)
        return replace(
            config,
            turn=self._turn(settings),
            speech=replace(config.speech, voice=voice, speed=settings.speed),
            text=replace(
                config.text,
                instructions=settings.instructions,
                max_output_tokens=bound,
            ),
        )

    def _bound(self, wanted: int | str) -> int:
        """The lower of the server's bound and the client's; 0 is unbounded."""
        bound = self.config.text.max_output_tokens
        if isinstance(wanted, str):
            return bound
        return min(wanted, bound) if bound else wanted


def difference(old: Configure, new: Configure) -> Configure | None:
    """What of ``new`` differs from ``old``; None if nothing does."""
    changed = {
        each.name: getattr(new, each.name)
        for each in fields(Configure)
        if getattr(new, each.name) != getattr(old, each.name)
    }
    return Configure(**changed) if changed else None


Leaf = Callable[[SessionRules, SessionSettings, object, str], dict[str, Any]]


def _into(attribute: str, check: Check[Any]) -> Leaf:
    """A member that is checked and kept."""
    return lambda _rules, _settings, value, path: {attribute: check(value, path)}


def _only(check: Check[Any]) -> Leaf:
    """A member that has one possible value, so that nothing need be kept."""

    def leaf(
        _rules: SessionRules, _settings: SessionSettings, value: object, path: str
    ) -> dict[str, Any]:
        check(value, path)
        return {}

    return leaf


def _voice(
    rules: SessionRules, _settings: SessionSettings, value: object, path: str
) -> dict[str, Any]:
    return {"voice": rules.voices.check(value, path)}


def _detection(
    rules: SessionRules, settings: SessionSettings, value: object, path: str
) -> dict[str, Any]:
    turn = rules.config.turn
    return {"detection": update_detection(settings.detection, value, path, turn)}


_TRANSCRIPTION: dict[str, Check[Any]] = {
    "model": text(256),
    "language": text(16),
    "prompt": text(),
    **dict.fromkeys(("languages", "keywords", "delay"), opaque),
}


def _transcription(
    _rules: SessionRules, settings: SessionSettings, value: object, path: str
) -> dict[str, Any]:
    if value is None:
        return {"transcription": None}
    patch = checked(mapping(value, path), _TRANSCRIPTION, path)
    return {"transcription": {**(settings.transcription or {}), **patch}}


def _output_modalities(value: object, path: str) -> list[str]:
    if value not in (["audio"], ["text"]):
        message = f'{path} must be ["audio"] or ["text"]'
        raise BadRequest(message, param=path)
    return ["audio"] if value == ["audio"] else ["text"]


def _max_output_tokens(value: object, path: str) -> int | str:
    return "inf" if value == "inf" else integer(1, 4096)(value, path)


_FORMAT = choice("audio/pcm", "audio/pcmu", "audio/pcma")


def _audio_format(value: object, path: str) -> dict[str, object]:
    given = mapping(value, path)
    kind = _FORMAT(given.get("type"), f"{path}.type")
    if kind != "audio/pcm":
        return {"type": kind}
    if given.get("rate", 24_000) != 24_000:
        raise BadRequest(f"{path}.rate must be 24000", param=f"{path}.rate")
    return dict(_PCM)


_LEAVES: dict[str, Leaf] = {
    "type": _into("kind", choice("realtime", "transcription")),
    "object": _only(choice("realtime.session", "realtime.transcription_session")),
    "expires_at": _only(opaque),
    "id": _only(text(256)),
    "model": _into("model", text(256)),
    "instructions": _into("instructions", text()),
    "output_modalities": _into("output_modalities", _output_modalities),
    "max_output_tokens": _into("max_output_tokens", _max_output_tokens),
    "tools": _into("tools", check_tools),
    "tool_choice": _into("tool_choice", check_choice),
    "truncation": _into("truncation", opaque),
    "tracing": _into("tracing", opaque),
    "prompt": _into("prompt", opaque),
    "include": _into("include", opaque),
    "parallel_tool_calls": _into("parallel_tool_calls", boolean),
    "reasoning": _into("reasoning", opaque),
    "audio.input.format": _into("input_format", _audio_format),
    "audio.input.transcription": _transcription,
    "audio.input.noise_reduction": _into("noise_reduction", opaque),
    "audio.input.turn_detection": _detection,
    "audio.output.format": _into("output_format", _audio_format),
    "audio.output.voice": _voice,
    # Above 1.5 only the server's own setting goes.
    "audio.output.speed": _into("speed", number(0.25, 1.5)),
}
_BRANCHES = ("audio", "audio.input", "audio.output")


def _leaves(
    tree: Mapping[str, Any], above: str, root: str
) -> Iterator[tuple[str, object]]:
    """The members of a patch by dotted path.

    Raises:
        BadRequest: If a member is unknown.
    """
    for name, value in tree.items():
        path = f"{above}{name}"
        if path in _BRANCHES:
            if value is not None:
                yield from _leaves(mapping(value, f"{root}.{path}"), f"{path}.", root)
        elif path in _LEAVES:
            yield path, value
        else:
            known = [each for each in (*_LEAVES, *_BRANCHES) if each.startswith(above)]
            names = {each.removeprefix(above).split(".")[0]: None for each in known}
            raise unknown(f"{root}.{above}".rstrip("."), name, names)
