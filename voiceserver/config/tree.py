"""The tree of settings, every default one that works with no file at all.

Each class is one table of ``voiceserver.toml``; its docstring is the reference that
the documentation and error messages are made from. Checks ranges, reads nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from voiceserver.config.budget import BudgetConfig
from voiceserver.config.checks import require
from voiceserver.config.cluster import ClusterConfig
from voiceserver.config.drift import DriftConfig
from voiceserver.config.providers import (
    RecogniserProvider,
    SpeechProvider,
    TextProvider,
)
from voiceserver.config.record import RecordConfig
from voiceserver.config.router import RouterConfig
from voiceserver.config.shadow import ShadowConfig
from voiceserver.config.sip import SipConfig
from voiceserver.config.telephony import AudioSocketConfig, TelephonyConfig
from voiceserver.config.tracing import TracingConfig
from voiceserver.config.transformers import TransformersConfig
from voiceserver.config.turn import TurnConfig

# Marks a setting that names a file or folder: a relative one is relative to the folder
# of the configuration's file.
PATH = {"path": True}
_ICE_SERVER = r"(stun|turn)s?:[\w.\[\]:-]+(\?transport=(udp|tcp))?"

_LANGUAGE = r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _require_distinct(slot: str, names: tuple[str, ...]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    for name in twice[:1]:
        require(False, f"two [[{slot}.provider]] tables are named {name!r}")


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """``[server]``: where it listens and whom it admits.

    Attributes:
        host: Address to bind; anything but loopback needs an API key.
        port: TCP port; 0 lets the system choose.
        max_calls: Calls at a time; one more is refused with a reason. What a machine
            can hold ``python -m benchmarks.admission --write voiceserver.toml`` finds
            and writes here.
        max_calls_per_address: The same from one address; 0 is ``max_calls``. Behind a
            proxy all clients have its address.
        max_calls_per_key: The same with one API key, the calls of the tokens made
            with it included; 0 is ``max_calls``.
        max_call_s: Longest call, in seconds. 3600 is what OpenAI's API allows.
        allowed_origins: Web origins besides loopback that may use the server.
        api_key_env: Environment variable that holds the API key; empty is none.
        api_key_file: File of further API keys, one a line; empty is none. Read at the
            start; lines that begin with ``#`` are left out.
        drain_s: After SIGTERM calls in progress may go on for so long; no new ones
            are taken. 0 ends them at once, as SIGINT does.
        tls_cert: PEM file of the certificate; browsers refuse the microphone to pages
            of other machines without TLS. Empty serves plain HTTP.
        tls_key: PEM file of its private key.
        workers: Processes that hold the calls, each with engines of its own; 1 is a
            single process. 0 takes one for every four cores, but none for fewer than
            eight of ``max_calls``.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    max_calls: int = 8
    max_calls_per_address: int = 0
    max_calls_per_key: int = 0
    max_call_s: int = 3600
    allowed_origins: tuple[str, ...] = ()
    api_key_env: str = ""
    api_key_file: str = field(default="", metadata=PATH)
    drain_s: int = 30
    tls_cert: str = field(default="", metadata=PATH)
    tls_key: str = field(default="", metadata=PATH)
    workers: int = 0

    def __post_init__(self) -> None:
        require(0 <= self.workers <= 64, "workers must be 0..64")
        require(0 <= self.port <= 65535, "port must be 0..65535")
        require(self.drain_s >= 0, "drain_s must not be negative")
        require(
            bool(self.tls_cert) == bool(self.tls_key),
            "tls_cert and tls_key are given together",
        )
        require(self.max_calls >= 1, "max_calls must be at least 1")
        require(
            self.max_calls_per_address >= 0, "max_calls_per_address must be 0 or more"
        )
        require(self.max_calls_per_key >= 0, "max_calls_per_key must be 0 or more")
        require(self.max_call_s >= 1, "max_call_s must be at least 1")


@dataclass(frozen=True, slots=True)
class MediaConfig:
    """``[media]``: WebRTC.

    Attributes:
        ice_servers: STUN or TURN addresses, such as ``"turn:relay.example.org"``; none
            by default, so nothing is contacted.
        turn_username: For TURN servers.
        turn_password_env: Environment variable that holds the password for them.
        udp_port_min: Lowest UDP port of calls, as a firewall lets through; 0 takes any.
        udp_port_max: Highest UDP port of calls. A call takes one for each address of
            the machine; where none is free the offer is refused (503).
        public_ip: Address at which clients reach the server, if the machine does not
            know it itself: behind a one-to-one NAT, as in most clouds.
        accept_remote_candidates: Also try the addresses a client names. Off: the
            server then sends only to where packets came from.
        setup_limit_s: From the offer to a working connection, else the call is closed.
        inactivity_limit_s: Without a packet for so long the call is closed.
        client_playout_ms: Audio sent but not yet heard, in the client's buffers;
            taken off when it is told what was heard of an interrupted reply.
    """

    ice_servers: tuple[str, ...] = ()
    turn_username: str = ""
    turn_password_env: str = ""
    udp_port_min: int = 0
    udp_port_max: int = 0
    public_ip: str = ""
    accept_remote_candidates: bool = False
    setup_limit_s: float = 15.0
    inactivity_limit_s: float = 8.0
    client_playout_ms: int = 80

    def __post_init__(self) -> None:
        require(
            self.udp_port_min == self.udp_port_max == 0
            or 1024 <= self.udp_port_min <= self.udp_port_max <= 65535,
            "udp_port_min and udp_port_max must be 0, or 1024..65535 and in order",
        )
        require(
            self.public_ip == "" or _is_address(self.public_ip),
            "public_ip must be an IP address",
        )
        for name in ("setup_limit_s", "inactivity_limit_s"):
            require(getattr(self, name) > 0, f"{name} must be above 0")
        for url in self.ice_servers:
            require(
                re.fullmatch(_ICE_SERVER, url) is not None,
                f"ice_servers: '{url}' is not like 'stun:host:port' or 'turn:host'",
            )


@dataclass(frozen=True, slots=True)
class EnginesConfig:
    """``[engines]``: which engine fills each slot.

    Attributes:
        vad: Tells speech from silence.
        recogniser: Writes down what is said; ``"auto"`` is Whisper where it is there
            (extra ``whisper``, ``voiceserver models get``), else pocketsphinx.
        text: Answers; ``"providers"`` are the ``[[text.provider]]`` tables, and
            ``"auto"`` takes them where there are any, else the responder.
            ``"transformers"`` is a model in the house (extra ``llm``), with them
            behind it.
        speech: Speaks.
        turns: Hears whether a turn has ended: ``"smart-turn"`` (extra ``turns``, and
            ``voiceserver models get smart-turn``), ``"none"``, or ``"auto"`` for
            whichever is here.
        echo: Takes the echo of replies and noise out of what far microphones hear, for
            sessions that ask for it: ``"apm"`` (extra ``apm``, WebRTC's own),
            ``"none"``, or ``"auto"`` for whichever is here.
    """

    # The names of recognisers and voices are known to the table of engines alone.
    vad: Literal["silero", "stub"] = "silero"
    recogniser: str = "auto"
    text: Literal["auto", "responder", "providers", "transformers", "stub"] = "auto"
    speech: str = "neural"
    turns: Literal["auto", "smart-turn", "none"] = "auto"
    echo: Literal["auto", "apm", "none"] = "auto"


@dataclass(frozen=True, slots=True)
class RecogniserConfig:
    """``[recogniser]``: how speech is recognised, by whichever recogniser.

    Attributes:
        processes: Of the recogniser. In each one person can be recognised at a moment,
            or as many as the recogniser takes; pocketsphinx takes one.
        model: Folder of another model than the recogniser's own, for pocketsphinx an
            acoustic model; empty is the one that comes along.
        grammar: Listen also for what the embedded responder can answer.
        language: That is spoken, BCP 47, where a client names none; ``"auto"`` is
            found out for each utterance. For recognisers that hear several.
        words: To be expected, such as the names on a menu: they are heard far better,
            and other speech worse. For recognisers that can be told.
        provider: Services in order of preference, sent each utterance when it is over,
            or the first of them while it is spoken; the server's own recogniser takes
            over from them within a turn.
        standby: Keep the embedded recogniser ready beside one that may fail, 90 MB: it
            takes over within a turn, or from the start where the other is not there.
    """

    processes: int = 2
    model: str = field(default="", metadata=PATH)
    grammar: bool = True
    language: str = "en"
    words: tuple[str, ...] = ()
    provider: tuple[RecogniserProvider, ...] = ()
    standby: bool = True

    def __post_init__(self) -> None:
        _require_distinct("recogniser", tuple(each.name for each in self.provider))
        require(1 <= self.processes <= 64, "processes must be 1..64")
        require(
            re.fullmatch(f"{_LANGUAGE}|auto", self.language) is not None,
            'language must be like "en" or "pt-BR", or "auto"',
        )
        require(
            all(word.strip() for word in self.words)
            and sum(map(len, self.words)) <= 1500,
            "words must not be empty, and 1500 characters in all",
        )


@dataclass(frozen=True, slots=True)
class WhisperConfig:
    """``[whisper]``: the recogniser of that name, from ``voiceserver[whisper]``.

    ``[recogniser] model`` names a model that was fetched, ``"whisper-base"`` where it
    is empty, or a folder; ``processes`` is best as many as there are cores to spare.

    Attributes:
        device: ``"cpu"`` (int8), ``"cuda"`` (float16, up to 16 utterances in one pass;
            not run on a GPU yet), or ``"auto"``: a GPU that can be used, if any.
        speakers: Who may speak at once in one process; further ones wait. How many of
            them are heard in time is measured at the start, about eleven on a core with
            AVX512-VNNI and four without: while more speak no call more is taken.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    speakers: int = 16

    def __post_init__(self) -> None:
        require(1 <= self.speakers <= 256, "speakers must be 1..256")


@dataclass(frozen=True, slots=True)
class ResponderConfig:
    """``[responder]``: the built-in responder.

    Attributes:
        questions: TOML file of your own questions and answers; empty is none.
        name: What it calls itself.
        timezone: IANA name, e.g. ``"Europe/Paris"``; empty is the machine's.
    """

    questions: str = field(default="", metadata=PATH)
    name: str = "voiceserver"
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class SpeechConfig:
    """``[speech]``: how it speaks.

    Attributes:
        voice: Default voice.
        speed: Speaking rate, 0.25..4.
        model: Folder of a neural voice; empty is the one that comes along.
        lexicon: File of your own words and how the neural voice says them, a word,
            a tabulator and CMU's phones, `/IPA/` or a respelling a line.
        provider: Services in order of preference; the built-in voice takes over
            from them within a turn.
        language: Who speaks other languages than English, by their code: names of
            providers, or ``"espeak"`` (extra ``espeak``), in order of preference;
            ``"*"`` is all others. An answer in a language that is not here is told, and
            ``[budget] unspoken`` is said instead.
        longest_input: Characters that ``/v1/audio/speech`` takes at a time. 4096 is
            what OpenAI's API allows.
    """

    voice: str = "alloy"
    speed: float = 1.0
    model: str = field(default="", metadata=PATH)
    lexicon: str = field(default="", metadata=PATH)
    provider: tuple[SpeechProvider, ...] = ()
    language: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    longest_input: int = 4096

    def __post_init__(self) -> None:
        require(0.25 <= self.speed <= 4, "speed must be 0.25..4")
        _require_distinct("speech", tuple(each.name for each in self.provider))
        for code, names in self.language.items():
            require(
                code == "*" or re.fullmatch(_LANGUAGE, code) is not None,
                f'language: {code!r} is not like "es", "pt-BR" or "*"',
            )
            known = [each.name for each in self.provider] + ["espeak"]
            for name in names or ("",):
                require(
                    name in known,
                    f"language.{code}: {name!r} speaks nothing here; one of: "
                    + ", ".join(known),
                )
        longest = self.longest_input
        require(1 <= longest <= 100_000, "longest_input must be 1..100000")


@dataclass(frozen=True, slots=True)
class TextConfig:
    """``[text]``: the text model.

    Attributes:
        instructions: What a language model is told about its role.
        max_output_tokens: Bound of a reply.
        provider: Services in order of preference.
        domain: TOML file of what callers may ask for, answered before any model is
            asked; empty is none.
        responder: Where the built-in responder stands beside a language model:
            ``"first"`` answers what it knows exactly (the time, sums, spelling,
            timers, your questions) before any model is asked, and says so where none
            answers; ``"last"`` does only the latter; ``"off"`` neither.
    """

    instructions: str = (
        "You are a helpful voice assistant. Answer in one or two short spoken "
        "sentences, without markup or lists."
    )
    max_output_tokens: int = 512
    provider: tuple[TextProvider, ...] = ()
    domain: str = field(default="", metadata=PATH)
    responder: Literal["first", "last", "off"] = "first"

    def __post_init__(self) -> None:
        _require_distinct("text", tuple(each.name for each in self.provider))
        tried = [each for each in self.provider if each.canary]
        require(len(tried) <= 1, "one provider may have a canary share, not more")


@dataclass(frozen=True, slots=True)
class LogConfig:
    """``[log]``: structured logs; transcripts and secrets are never in them.

    Attributes:
        level: ``"debug"``, ``"info"``, ``"warning"`` or ``"error"``.
        format: ``"text"`` for people, ``"json"`` for machines.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


@dataclass(frozen=True, slots=True)
class Config:
    """All of ``voiceserver.toml``."""

    server: ServerConfig = field(default_factory=ServerConfig)
    media: MediaConfig = field(default_factory=MediaConfig)
    engines: EnginesConfig = field(default_factory=EnginesConfig)
    turn: TurnConfig = field(default_factory=TurnConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    recogniser: RecogniserConfig = field(default_factory=RecogniserConfig)
    whisper: WhisperConfig = field(default_factory=WhisperConfig)
    responder: ResponderConfig = field(default_factory=ResponderConfig)
    speech: SpeechConfig = field(default_factory=SpeechConfig)
    text: TextConfig = field(default_factory=TextConfig)
    transformers: TransformersConfig = field(default_factory=TransformersConfig)
    telephony: TelephonyConfig = field(default_factory=TelephonyConfig)
    audiosocket: AudioSocketConfig = field(default_factory=AudioSocketConfig)
    sip: SipConfig = field(default_factory=SipConfig)
    drift: DriftConfig = field(default_factory=DriftConfig)
    shadow: ShadowConfig = field(default_factory=ShadowConfig)
    router: RouterConfig = field(default_factory=RouterConfig)
    tracing: TracingConfig = field(default_factory=TracingConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    record: RecordConfig = field(default_factory=RecordConfig)
    log: LogConfig = field(default_factory=LogConfig)
