"""The table of engines: names in the configuration, and what is loaded for them.

The one place that knows every engine, by name only: it imports and opens none.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from voiceserver.config import Config
from voiceserver.engines.ears import resolved
from voiceserver.errors import ConfigError
from voiceserver.weights.place import ENVIRONMENT

Slot = Literal["vad", "recogniser", "text", "speech"]
SLOTS: tuple[Slot, ...] = ("vad", "recogniser", "text", "speech")
PROVIDERS = "providers"  # the text model that is several services
IN_THE_HOUSE = "transformers"  # the one in a process of its own, with those behind it


@dataclass(frozen=True, slots=True)
class Row:
    """An engine that runs within the server.

    Attributes:
        slot: What it is for.
        name: In ``[engines]``, unique within the slot.
        load: ``"module:factory"``; it is given its settings, if it has any.
        meaning: What it is, for the documentation.
        settings: Name of the table of its own settings in the configuration; "" if it
            has none.
        extra: Of the package, with what it needs beside the server; "" if nothing.
    """

    slot: Slot
    name: str
    load: str
    meaning: str
    settings: str = ""
    extra: str = ""


@dataclass(frozen=True, slots=True)
class ProcessRow(Row):
    """A core that runs in a process of its own: a recogniser, a voice or a text model.

    ``load`` is the factory of ``remote.cores``. It is given the settings of its slot
    (``model``; a recogniser also ``grammar``) and, before those, its own.

    Attributes:
        threads: Of its numeric libraries; 0 leaves it to them.
        environment: Names of variables that it is given beside the usual few, e.g.
            ``"HF_HOME"``. None that holds a secret: its last words are logged.
        start_limit_s: Until it is warmed up, a first download included.
        kind: Of the core, as ``remote.child`` names them; "" is that of its slot.
        standby: Name of the recogniser that takes over where this one cannot go on.
        gateway: The process only passes jobs on to a cluster, whose replicas run the
            engine: it has no core, and ``load`` is what the process runs.
    """

    threads: int = 1
    environment: tuple[str, ...] = ()
    start_limit_s: float = 60.0
    kind: str = ""
    standby: str = ""
    gateway: bool = False


# Where Ray finds its token and its files; neither variable is a secret itself.
_RAY = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "RAY_TMPDIR")

ROWS: tuple[Row, ...] = (
    Row(
        "vad",
        "silero",
        "voiceserver.engines.acoustic.silero:Silero",
        "Silero's network, without torch",
    ),
    Row("vad", "stub", "voiceserver.engines.stub:StubVad", "what is loud is speech"),
    ProcessRow(
        "recogniser",
        "pocketsphinx",
        "voiceserver.engines.sphinx.decoder:load",
        "English; dictation, and what the responder can answer",
    ),
    ProcessRow(
        "recogniser",
        "whisper",
        "voiceserver.engines.whisper.jobs:load",
        "open speech in 99 languages, with case and punctuation",
        settings="whisper",
        extra="whisper",
        environment=ENVIRONMENT,
        start_limit_s=120,
        kind="jobs",
        standby="pocketsphinx",
    ),
    ProcessRow(
        "recogniser",
        "sherpa",
        "voiceserver.engines.sherpa.transducer:load",
        "streaming transducers of a folder, in the language that they know",
        extra="sherpa",
        standby="pocketsphinx",
    ),
    ProcessRow(
        "recogniser",
        "ray",
        "voiceserver.cluster.gateway:main",
        "replicas of another recogniser in a cluster: [cluster]",
        extra="cluster",
        environment=_RAY,
        start_limit_s=120,
        standby="pocketsphinx",
        gateway=True,
    ),
    Row(
        "recogniser",
        "stub",
        "voiceserver.engines.stub:StubRecogniser",
        "hears the same sentence in everything",
    ),
    Row(
        "text",
        "responder",
        "voiceserver.engines.responder:Responder",
        "answers by rules",
        settings="responder",
    ),
    Row("text", "stub", "voiceserver.engines.stub:StubText", "answers with a sentence"),
    ProcessRow(
        "text",
        IN_THE_HOUSE,
        "voiceserver.engines.llm.jobs:load",
        "a language model of yours, on this machine",
        settings="transformers",
        extra="llm",
        threads=0,
        start_limit_s=900,
        kind="jobs",
    ),
    ProcessRow(
        "speech",
        "neural",
        "voiceserver.engines.neural:load",
        "the voice of its own, in thirteen sizes and pitches",
    ),
    ProcessRow(
        "speech",
        "espeak",
        "voiceserver.engines.espeak.voice:load",
        "eSpeak NG: clear, small and robotic",
        extra="espeak",
    ),
    ProcessRow(
        "speech",
        "ray",
        "voiceserver.cluster.gateway:main",
        "replicas of another voice in a cluster: [cluster]",
        extra="cluster",
        environment=_RAY,
        start_limit_s=120,
        gateway=True,
    ),
    Row("speech", "stub", "voiceserver.engines.stub:StubSpeech", "says it as a tone"),
)


def names(slot: Slot, rows: Sequence[Row] = ROWS) -> tuple[str, ...]:
    """Names of the engines of a slot."""
    return tuple(row.name for row in rows if row.slot == slot)


def row_named(slot: Slot, name: str, rows: Sequence[Row] = ROWS) -> Row:
    """Return an engine's row.

    Raises:
        ConfigError: If there is none; names those that there are.
    """
    for row in rows:
        if (row.slot, row.name) == (slot, name):
            return row
    known = names(slot, rows)
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    choices = ", ".join(f'"{each}"' for each in known)
    raise ConfigError(
        f'engines.{slot}: no engine "{name}"{hint} (there are: {choices})'
    )


def chosen(config: Config, rows: Sequence[Row] = ROWS) -> tuple[Row, ...]:
    """Return the rows of the configured engines; several providers are no row.

    Raises:
        ConfigError: If there is no such engine; names those that there are.
    """
    config = resolved(config)
    wanted: dict[Slot, str] = {
        slot: getattr(config.engines, slot) for slot in SLOTS
    } | {"text": text_engine(config)}
    if wanted["text"] == PROVIDERS:
        del wanted["text"]
    return tuple(row_named(slot, name, rows) for slot, name in wanted.items())


def start_limit_s(config: Config, rows: Sequence[Row] = ROWS) -> float:
    """Longest that one of the configured engines may take to start; 0 for none.

    Raises:
        ConfigError: If there is no such engine.
    """
    processes = (row for row in chosen(config, rows) if isinstance(row, ProcessRow))
    return max((row.start_limit_s for row in processes), default=0.0)


def text_engine(config: Config) -> str:
    """Name of the text engine: ``"auto"`` is the providers where there are any."""
    name = config.engines.text
    if name == "auto":
        return PROVIDERS if config.text.provider else "responder"
    return name


def asks_models(config: Config) -> bool:
    """Whether language models answer: services, or one in the house."""
    return text_engine(config) in (PROVIDERS, IN_THE_HOUSE)


def text_names(config: Config) -> list[str]:
    """The language models that there are to ask, in the order of preference."""
    house = [IN_THE_HOUSE] if text_engine(config) == IN_THE_HOUSE else []
    return [*house, *(provider.name for provider in config.text.provider)]


def text_tiers(config: Config) -> tuple[str, ...]:
    """Tiers of the language models, in the order of preference."""
    own = config.transformers.tier
    house = (own,) if text_engine(config) == IN_THE_HOUSE else ()
    return (*house, *(provider.tier for provider in config.text.provider))
