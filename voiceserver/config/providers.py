"""``[[text.provider]]`` and the like: services that are asked by URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from voiceserver.config.checks import require

# What the server itself says in each request.
OWN_MEMBERS = frozenset(
    {"model", "messages", "stream", "stream_options", "tools", "tool_choice", "n"}
)


def _check_url(base_url: str) -> None:
    require(
        base_url.startswith(("http://", "https://")),
        "base_url must start with http:// or https://",
    )
    try:
        parts = urlsplit(base_url)
        good = bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    require(good, "base_url names no host, or a port that cannot be")
    require(
        not (parts.username or parts.password or parts.query or parts.fragment),
        "base_url must hold no user, key or query; the key belongs in key_env",
    )


@dataclass(frozen=True, slots=True)
class TextProvider:
    """``[[text.provider]]``: a chat service with an OpenAI-compatible URL.

    Attributes:
        name: Shown in metrics and in who answered; each only once.
        base_url: Up to and including ``/v1``.
        model: Model name sent; on Azure the name of the deployment.
        key_env: Environment variable that holds the key; empty sends none.
        dialect: ``"openai"`` sends the key as a bearer token, ``"azure_v1"`` in
            ``api-key``.
        expect_model: What the answers must say they are from, e.g.
            ``"gpt-4.1-mini-2025-04-14"``; another is refused. Empty takes any.
        tier: ``"simple"`` must begin within ``text_first_ms``, ``"complex"`` within
            ``text_first_complex_ms``.
        price_in: USD per million tokens sent.
        price_out: USD per million tokens received.
        max_concurrency: Answers at a time; further turns go to the next provider.
        logprobs: Ask for the probability of each token.
        region: Where it runs, for the operator.
        first_ms: Its answers must begin within this time, in place of its tier's; 0
            is the tier's. For one that is slower, or farther away.
        extra: Further members of each request, as the service names them, e.g.
            ``{ temperature = 0.2, reasoning_effort = "low" }``.
        canary: Share of calls, 0..1, which it answers first, to be tried; in no other
            is it asked. It is drained as soon as it is worse than the first provider
            of its tier.
        expect_fingerprint: What its answers must have as ``system_fingerprint``, the
            service's name for weights and machines together; another is refused as
            with ``expect_model``. Empty takes any, and none is taken, too.
    """

    name: str
    base_url: str
    model: str
    key_env: str = ""
    dialect: Literal["openai", "azure_v1"] = "openai"
    expect_model: str = ""
    tier: Literal["simple", "complex"] = "simple"
    price_in: float = 0.0
    price_out: float = 0.0
    max_concurrency: int = 16
    logprobs: bool = False
    region: str = ""
    first_ms: int = 0
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)
    canary: float = 0.0
    expect_fingerprint: str = ""

    def __post_init__(self) -> None:
        require(self.canary <= 1, "canary must be 0..1")
        ours = sorted(OWN_MEMBERS & set(self.extra))
        require(not ours, f"extra must not hold {', '.join(ours)}: the server says it")
        _check_url(self.base_url)
        require(bool(self.name.strip()), "name must not be empty")
        require(bool(self.model.strip()), "model must not be empty")
        require(self.max_concurrency >= 1, "max_concurrency must be at least 1")
        require(
            self.dialect != "azure_v1" or bool(self.key_env),
            'dialect = "azure_v1" needs key_env',
        )


@dataclass(frozen=True, slots=True)
class SpeechProvider:
    """``[[speech.provider]]``: a speech service.

    Attributes:
        name: Shown in metrics; each only once.
        base_url: For ``"openai"``, up to and including ``/v1``; for ``"azure"`` the
            region's, e.g. ``"https://eastus.tts.speech.microsoft.com"``.
        model: For ``"openai"`` the model name sent; for ``"azure"`` the model that
            ``voice`` must name, e.g. ``"MAI-Voice-1"``.
        dialect: ``"openai"`` (``/v1/audio/speech``) or ``"azure"`` (Azure Speech
            REST, e.g. MAI-Voice).
        voice: The service's voice, e.g. ``"alloy"`` or
            ``"en-US-June:MAI-Voice-1"``; it stands for every voice of a call.
        key_env: Environment variable that holds the key; empty sends none.
        region: Where it runs, e.g. ``"eastus"``; must be the one in ``base_url``.
        style: For ``"azure"``: a speaking style, e.g. ``"empathy"``.
        price: USD per million characters.
        max_concurrency: Phrases at a time; further ones go to the next voice.
    """

    name: str
    base_url: str
    model: str
    dialect: Literal["openai", "azure"] = "openai"
    voice: str = "alloy"
    key_env: str = ""
    region: str = ""
    style: str = ""
    price: float = 0.0
    max_concurrency: int = 8

    def __post_init__(self) -> None:
        _check_url(self.base_url)
        for name in ("name", "model", "voice"):
            require(bool(getattr(self, name).strip()), f"{name} must not be empty")
        require(self.max_concurrency >= 1, "max_concurrency must be at least 1")
        if self.dialect == "openai":
            return
        require(bool(self.key_env), 'dialect = "azure" needs key_env')
        pinned = self.voice.partition(":")[2]
        require(
            pinned.lower() == self.model.lower(),
            f"voice = {self.voice!r} is not of the pinned model = {self.model!r}: "
            f'write it as "en-US-Name:{self.model}"',
        )
        _check_azure_region(self.base_url, self.region)


@dataclass(frozen=True, slots=True)
class RecogniserProvider:
    """``[[recogniser.provider]]``: a transcription service.

    Attributes:
        name: Shown in metrics; each only once.
        base_url: Up to and including ``/v1`` for OpenAI's dialects; for ``"deepgram"``
            without it, e.g. ``"https://api.deepgram.com"``; for ``"azure"`` the
            region's, e.g. ``"https://eastus.api.cognitive.microsoft.com"``.
        model: Model name sent, e.g. ``"gpt-4o-mini-transcribe"``, ``"nova-3"`` or
            ``"flux-general-en"``; pins the version where its name does. On Azure
            ``"short-audio"``, ``"fast-transcription"`` or a MAI-Transcribe model.
        dialect: ``"openai"`` (``/v1/audio/transcriptions``) and ``"azure"`` (Azure
            Speech REST) are sent each utterance when it is over; ``"openai_realtime"``
            (``/v1/realtime``, transcription sessions) and ``"deepgram"`` (Nova's
            ``/v1/listen``, Flux's ``/v2/listen``) hear it while it is spoken.
        key_env: Environment variable that holds the key; empty sends none.
        language: Always sent, e.g. ``"en"``; empty sends the conversation's. Azure's
            own models need one with its country: ``"en-US"``.
        region: Where it runs, e.g. ``"eastus"``; shown to the operator. Azure's must be
            the one in ``base_url``.
        version: For Nova: the model's, e.g. ``"2025-07-31.0"``; words of another are
            refused, empty takes any. For Azure's fast transcription: the API's.
        price: USD per minute of audio.
        max_concurrency: Utterances at a time; further ones go to the next.
    """

    name: str
    base_url: str
    model: str
    dialect: Literal["openai", "openai_realtime", "azure", "deepgram"] = "openai"
    key_env: str = ""
    language: str = ""
    region: str = ""
    version: str = ""
    price: float = 0.0
    max_concurrency: int = 8

    def __post_init__(self) -> None:
        _check_url(self.base_url)
        for name in ("name", "model"):
            require(bool(getattr(self, name).strip()), f"{name} must not be empty")
        require(self.price >= 0, "price must be at least 0")
        require(self.max_concurrency >= 1, "max_concurrency must be at least 1")
        pinned = {"deepgram": not self.model.startswith("flux"), "azure": True}
        require(
            pinned.get(self.dialect, False) or not self.version,
            f"version cannot be pinned for model = {self.model!r}: no answer of it "
            "tells its version; name a model whose name does",
        )
        require(
            self.dialect != "deepgram"
            or not self.base_url.rstrip("/").endswith(("/v1", "/v2", "/listen")),
            'base_url must end before /v1 for dialect = "deepgram"',
        )
        if self.dialect == "azure":
            self._check_azure()

    def _check_azure(self) -> None:
        require(bool(self.key_env), 'dialect = "azure" needs key_env')
        mai = self.model.lower().startswith("mai-transcribe")
        require(
            mai or self.model in ("short-audio", "fast-transcription"),
            f"model = {self.model!r} is none of Azure Speech: short-audio, "
            "fast-transcription or MAI-Transcribe, e.g. MAI-Transcribe-2",
        )
        require(
            mai or "-" in self.language,
            f"model = {self.model!r} needs language with its country, e.g. en-US",
        )
        require(
            self.model != "short-audio" or not self.version,
            "version cannot be pinned for short-audio; there is only v1 of it",
        )
        require(_is_date(self.version), 'version must be like "2025-10-15"')
        _check_azure_region(self.base_url, self.region)


def _is_date(version: str) -> bool:
    return re.fullmatch(r"(\d{4}-\d\d-\d\d(-preview)?)?", version) is not None


def _check_azure_region(base_url: str, region: str) -> None:
    host = urlsplit(base_url).hostname or ""
    require(
        not host.endswith(".microsoft.com")
        or not region
        or host.startswith(f"{region}."),
        f"base_url is not of region = {region!r}",
    )
