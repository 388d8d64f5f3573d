"""The session object of the Realtime protocol: one table of its members.

A row says all that is known of a member: how it is read, what holds for a client that
asked for nothing, and which setting of the conversation it decides. An update is a
patch: members that are absent or null stay, nested objects merge, and either all of it
takes effect or none. Nothing here talks to the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from voiceserver.commands import CallSettings, Hearing
from voiceserver.config import Config, TurnConfig
from voiceserver.dialects.fields import (
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
    ROUTE,
    check_choice,
    check_tools,
    tool_use,
)
from voiceserver.dialects.realtime.vad import (
    ServerVad,
    TurnDetection,
    default_detection,
    turn_config,
    update_detection,
)
from voiceserver.errors import BadRequest
from voiceserver.voices import Voices

_PCM = {"type": "audio/pcm", "rate": 24_000}
_BRANCHES = ("audio", "audio.input", "audio.output")


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a client set, defaults filled in; a snapshot that never changes.

    Attributes:
        values: Checked, by dotted path.
    """

    values: Mapping[str, Any]

    def __getitem__(self, path: str) -> Any:
        """The value of a member."""
        return self.values[path]

    def changed(self, changes: Mapping[str, Any]) -> SessionSettings:
        """The same with other values."""
        return SessionSettings({**self.values, **changes})

    @property
    def kind(self) -> str:
        """``"realtime"`` or ``"transcription"``, which answers nothing."""
        return str(self["type"])

    @property
    def spoken(self) -> bool:
        """Whether replies are heard, not read."""
        return bool(self["output_modalities"] == ["audio"])

    @property
    def transcribed(self) -> bool:
        """Whether the client is told what the user says."""
        return self["audio.input.transcription"] is not None

    @property
    def detection(self) -> TurnDetection | None:
        """Who ends a turn; None is the client."""
        found: TurnDetection | None = self["audio.input.turn_detection"]
        return found

    @property
    def prefix_ms(self) -> int | None:
        """Audio before the speech that counts with it; None if the client said none."""
        found = self.detection
        return found.prefix_padding_ms if isinstance(found, ServerVad) else None

    def rendered(self, session_id: str) -> dict[str, object]:
        """The session object as ``session.created`` and ``.updated`` carry it."""
        transcribing = self.kind == "transcription"
        kind = "transcription_session" if transcribing else "session"
        shown: dict[str, Any] = {
            "type": self.kind,
            "object": f"realtime.{kind}",
            "id": session_id,
        }
        for row in ROWS:
            left_out = row.quiet and self[row.path] is None
            if (row.heard or not transcribing) and not left_out:
                _place(shown, row.path, row.render(self[row.path]))
        return shown


@dataclass(frozen=True, slots=True)
class SessionRules:
    """What a server allows a client to set.

    Attributes:
        config: Settings of the server, which the client's are laid over.
        voices: The voices to choose from.
    """

    config: Config
    voices: Voices

    def starting(self) -> SessionSettings:
        """The settings of a client that asked for nothing."""
        return SessionSettings({row.path: row.starting(self.config) for row in ROWS})

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
            row = _BY_PATH.get(path)
            if row is None:
                if value is not None:
                    _ONLY_READ[path](value, f"{above}.{path}")
            elif value is not None or row.nullable:
                change = Change(self, settings[path], value, f"{above}.{path}")
                changes[path] = row.read(change)
        return settings.changed(changes) if changes else settings

    def call_settings(self, settings: SessionSettings) -> CallSettings:
        """All that the settings say about the conversation."""
        decided: dict[str, Any] = {
            row.effect.setting: row.effect.value(self, settings)
            for row in ROWS
            if row.effect is not None
        }
        return replace(CallSettings.starting(self.config), **decided)

    def turn(self, settings: SessionSettings) -> TurnConfig:
        """How turns are taken."""
        turn = turn_config(settings.detection, self.config.turn)
        far = _noise(settings["audio.input.noise_reduction"]) == FAR_FIELD
        turn = replace(turn, far_field=far)
        if settings.kind == "transcription":
            turn = replace(turn, create_reply=False, interrupt=False)
        return turn

    def bound(self, wanted: int | str) -> int:
        """The lower of the server's bound of a reply and the client's; 0 is none."""
        bound = self.config.text.max_output_tokens
        if isinstance(wanted, str):
            return bound
        return min(wanted, bound) if bound else wanted


@dataclass(frozen=True, slots=True)
class Change:
    """A value that a client gave for a member.

    Attributes:
        rules: Of the server.
        current: What holds so far.
        value: As it came.
        path: For refusals.
    """

    rules: SessionRules
    current: Any
    value: object
    path: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What a member does to the conversation.

    Attributes:
        setting: The field of ``CallSettings`` that it decides.
        value: Its value.
    """

    setting: str
    value: Callable[[SessionRules, SessionSettings], object]


@dataclass(frozen=True, slots=True)
class Row:
    """A member of the session object.

    Attributes:
        path: Dotted.
        read: Checks a value; returns what is kept.
        starting: What holds for a client that asked for nothing.
        effect: On the conversation; None for what acts within the dialect, through
            another row, or not at all.
        nullable: Null is a value, and does not leave the member as it is.
        heard: Also a member of sessions that only transcribe.
        render: Makes JSON of what is kept.
        quiet: Our own: not told to clients that did not set it.
    """

    path: str
    read: Callable[[Change], object]
    starting: Callable[[Config], object]
    effect: Effect | None = None
    nullable: bool = False
    heard: bool = False
    render: Callable[[Any], object] = lambda value: value
    quiet: bool = False


def _as(check: Check[Any]) -> Callable[[Change], object]:
    """Read by a check of the value alone."""
    return lambda change: check(change.value, change.path)


def _voice(change: Change) -> str:
    return change.rules.voices.check(change.value, change.path)


def _detection(change: Change) -> TurnDetection | None:
    turn = change.rules.config.turn
    return update_detection(change.current, change.value, change.path, turn)


def _record(change: Change) -> bool | None:
    """Consent to a recording; what the server does anyway is no choice."""
    calls, path = change.rules.config.record.calls, change.path
    if change.value is None:
        return True if calls == "always" else None
    wanted = boolean(change.value, path)
    if wanted and calls == "off":
        raise BadRequest("this server records no calls", param=path)
    if not wanted and calls == "always":
        raise BadRequest("this server records all calls", param=path)
    return wanted


_TRANSCRIPTION: dict[str, Check[Any]] = {
    "model": text(256),
    "language": text(16),
    "prompt": text(),
    **dict.fromkeys(("languages", "keywords", "delay"), opaque),
}


def _transcription(change: Change) -> Mapping[str, Any] | None:
    if change.value is None:
        return None
    given = mapping(change.value, change.path)
    return {**(change.current or {}), **checked(given, _TRANSCRIPTION, change.path)}


FAR_FIELD = "far_field"  # a microphone in a laptop, a room, a kiosk


def _noise(asked: object) -> object:
    """Which kind of microphone a client says that it has; None if it does not."""
    return asked.get("type") if isinstance(asked, Mapping) else None


LOGPROBS = "item.input_audio_transcription.logprobs"  # asked for by ``include``


def _hearing(_rules: SessionRules, settings: SessionSettings) -> Hearing:
    asked = settings["audio.input.transcription"] or {}
    included = settings["include"]
    return Hearing(
        asked.get("language") or "",
        asked.get("prompt") or "",
        timed=isinstance(included, list) and LOGPROBS in included,
    )


def _output_modalities(value: object, path: str) -> list[str]:
    if value not in (["audio"], ["text"]):
        message = f'{path} must be ["audio"] or ["text"]'
        raise BadRequest(message, param=path)
    return ["audio"] if value == ["audio"] else ["text"]


def _max_output_tokens(value: object, path: str) -> int | str:
    return "inf" if value == "inf" else integer(1, 4096)(value, path)


_FORMAT = choice("audio/pcm", "audio/pcmu", "audio/pcma")


def _audio_format(change: Change) -> dict[str, object]:
    given, path = mapping(change.value, change.path), change.path
    kind = given.get("type")
    if kind is None and "type" in given:
        return dict(change.current)  # a rate alone says nothing
    kind = _FORMAT(kind, f"{path}.type")
    if kind != "audio/pcm":
        return {"type": kind}
    if given.get("rate") not in (None, 24_000):
        raise BadRequest(f"{path}.rate must be 24000", param=f"{path}.rate")
    return dict(_PCM)


def _echoed(
    path: str, starting: object = None, heard: bool = False, nullable: bool = False
) -> Row:
    """A member that is taken, sent back, and has no effect."""
    return Row(
        path, _as(opaque), lambda _config: starting, nullable=nullable, heard=heard
    )


def _tools(_rules: SessionRules, settings: SessionSettings) -> object:
    return tool_use(settings["tools"], settings["tool_choice"])


ROWS = (
    Row(
        "type",
        _as(choice("realtime", "transcription")),
        lambda _config: "realtime",
        heard=True,
    ),
    Row("model", _as(text(256)), lambda _config: "voiceserver"),
    Row(
        "output_modalities",
        _as(_output_modalities),
        lambda _config: ["audio"],
        Effect("text_only", lambda _rules, settings: not settings.spoken),
    ),
    Row(
        "instructions",
        _as(text()),
        lambda config: config.text.instructions,
        Effect("instructions", lambda _rules, settings: settings["instructions"]),
    ),
    Row("tools", _as(check_tools), lambda _config: [], Effect("tools", _tools)),
    Row("tool_choice", _as(check_choice), lambda _config: "auto"),
    Row(
        "max_output_tokens",
        _as(_max_output_tokens),
        lambda _config: "inf",
        Effect(
            "max_output_tokens",
            lambda rules, settings: rules.bound(settings["max_output_tokens"]),
        ),
    ),
    Row(
        "route",
        lambda change: None if change.value is None else _as(ROUTE)(change),
        lambda _config: None,
        Effect("route", lambda _rules, settings: settings["route"] or ""),
        nullable=True,
        quiet=True,
    ),
    Row(
        "record",
        _record,
        lambda config: True if config.record.calls == "always" else None,
        Effect("record", lambda _rules, settings: bool(settings["record"])),
        nullable=True,
        heard=True,
        quiet=True,
    ),
    _echoed("truncation", "auto"),
    _echoed("tracing", nullable=True),
    _echoed("prompt", nullable=True),
    _echoed("include", heard=True),
    _echoed("reasoning"),
    Row("parallel_tool_calls", _as(boolean), lambda _config: True),
    Row("audio.input.format", _audio_format, lambda _config: dict(_PCM), heard=True),
    Row(
        "audio.input.transcription",
        _transcription,
        lambda config: {"model": config.engines.recogniser},
        Effect("hearing", _hearing),
        nullable=True,
        heard=True,
    ),
    Row(
        "audio.input.noise_reduction",  # takes effect as one of ``turn``
        _as(opaque),
        lambda config: {"type": FAR_FIELD} if config.turn.far_field else None,
        nullable=True,
        heard=True,
    ),
    Row(
        "audio.input.turn_detection",
        _detection,
        lambda config: default_detection(config.turn),
        Effect("turn", lambda rules, settings: rules.turn(settings)),
        nullable=True,
        heard=True,
        render=lambda detection: detection and detection.rendered(),
    ),
    Row("audio.output.format", _audio_format, lambda _config: dict(_PCM)),
    Row(
        "audio.output.voice",
        _voice,
        lambda config: config.speech.voice,
        Effect(
            "voice",
            lambda rules, settings: rules.voices.spoken_by(
                settings["audio.output.voice"]
            ),
        ),
    ),
    Row(
        "audio.output.speed",
        # Above 1.5 only the server's own setting goes.
        _as(number(0.25, 1.5)),
        lambda config: config.speech.speed,
        Effect("speed", lambda _rules, settings: settings["audio.output.speed"]),
    ),
)
_BY_PATH = {row.path: row for row in ROWS}

# What clients send back to us of what we sent them.
_ONLY_READ: dict[str, Check[Any]] = {
    "object": choice("realtime.session", "realtime.transcription_session"),
    "expires_at": opaque,
    "id": text(256),
}


def _place(tree: dict[str, Any], path: str, value: object) -> None:
    """Put a value where its dotted path says."""
    *above, name = path.split(".")
    for branch in above:
        tree = tree.setdefault(branch, {})
    tree[name] = value


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
        elif path in _BY_PATH or path in _ONLY_READ:
            yield path, value
        else:
            known = [
                each
                for each in (*_BY_PATH, *_ONLY_READ, *_BRANCHES)
                if each.startswith(above)
            ]
            names = {each.removeprefix(above).split(".")[0]: None for each in known}
            raise unknown(f"{root}.{above}".rstrip("."), name, names)
