"""Deepgram's two protocols: Nova's ``/v1/listen`` and Flux's ``/v2/listen``.

What is written and what it means (developers.deepgram.com: docs/interim-results,
docs/finalize, docs/close-stream, docs/audio-keep-alive, docs/flux/state,
docs/flux/close-stream, docs/flux/own-turn-detection). Flux's belief that a turn is
over is passed on; nothing that Deepgram says ends a turn. Does no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from voiceserver.audio import MIC_RATE
from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import Hypothesis, Opening
from voiceserver.engines.hearing.live import Heard, Wire
from voiceserver.engines.hearing.services import (
    document,
    joined,
    language_asked,
    log_of,
    number,
    terms,
    text_of,
    texts,
)
from voiceserver.engines.providers.services.sockets import socket_url
from voiceserver.errors import EngineFailed, ProviderFailed
from voiceserver.events import TimedWord
from voiceserver.languages import code, primary

ALIVE = '{"type": "KeepAlive"}'
FINALIZE = '{"type": "Finalize"}'
CLOSE = '{"type": "CloseStream"}'
# Else it keeps what callers say and trains on it (trust-security/your-data).
UNKEPT = {"mip_opt_out": "true"}
PAUSE_MS = 300  # of Nova's: a segment is settled, and its words are there at the end
# Flux is to leave the turn's end to us: at 1.0 it ends none of its own belief, and
# after so much silence none that we would not have ended.
NEVER_ENDS = "1.0"
SILENCE_MS = 60_000
UPDATE_S = 0.5  # Flux tells its words about every 0.25 s of audio
SLACK_S = 0.1  # of audio that may be missing where Flux has heard all


def is_flux(provider: RecogniserProvider) -> bool:
    """Whether it is asked for Flux, by the name of the model."""
    return provider.dialect == "deepgram" and provider.model.startswith("flux")


def wire(provider: RecogniserProvider, opening: Opening) -> Wire:
    """Begin an utterance, with the protocol that the model speaks."""
    if is_flux(provider):
        return Flux(provider, opening)
    return Nova(provider, opening)


class Nova:
    """One utterance with a model of ``/v1/listen``."""

    def __init__(self, provider: RecogniserProvider, opening: Opening) -> None:
        self._provider = provider
        self._timed = opening.timed
        self._ended = False
        self._settled: dict[float, Hypothesis] = {}  # segments by where they begin
        self._newest: Hypothesis | None = None
        self._until_s = 0.0
        self.hello: Sequence[str] = ()
        self.alive = ALIVE
        query = {
            "model": provider.model,
            "encoding": "linear16",
            "sample_rate": MIC_RATE,
            "channels": 1,
            "interim_results": "true",
            "punctuate": "true",
            "endpointing": PAUSE_MS,
            **UNKEPT,
        }
        if provider.version:
            query["version"] = provider.version
        language = language_asked(provider, opening)
        if language or "auto" in (provider.language, opening.language):
            query["language"] = language or "multi"
        biasing = "keyterm" if provider.model.startswith("nova-3") else "keywords"
        words = [(biasing, term) for term in terms(opening.prompt)]
        where = socket_url(provider.base_url, "v1/listen")
        self.url = f"{where}?{urlencode([*query.items(), *words])}"

    def audio(self, pcm: bytes) -> bytes:
        """See ``Wire``."""
        return pcm

    def end(self) -> Sequence[str]:
        """See ``Wire``; not every ``Finalize`` is answered, ``CloseStream`` is."""
        self._ended = True
        return (FINALIZE, CLOSE)

    def read(self, message: str | bytes) -> Heard | None:
        """See ``Wire``."""
        told = document(self._provider.name, message)
        match told.get("type"):
            case "Results":
                return self._results(told)
            case "Metadata" if self._ended:
                return self._heard(done=True)
            case "Error":
                raise ProviderFailed(self._provider.name, "reports a fault")
        return None  # SpeechStarted, UtteranceEnd and what is new

    def closed(self, sent_s: float, broken: EngineFailed | None) -> Heard:
        """See ``Wire``."""
        if broken is not None:
            raise broken
        return self._heard(done=True)

    def _results(self, told: dict[str, Any]) -> Heard:
        self._prove(told.get("metadata"))
        begin_s, length_s = number(told.get("start")), number(told.get("duration"))
        channel = told.get("channel")
        options = channel.get("alternatives") if isinstance(channel, dict) else None
        best = options[0] if isinstance(options, list) and options else None
        if begin_s is None or length_s is None or not isinstance(best, dict):
            raise ProviderFailed(self._provider.name, "sent results without words")
        segment = self._segment(best)
        self._until_s = max(self._until_s, begin_s + length_s)
        if told.get("is_final") is True:
            self._settled[begin_s] = segment  # one that is told twice is there once
            self._newest = None
        elif begin_s not in self._settled:
            self._newest = segment
        return self._heard(self._ended and told.get("from_finalize") is True)

    def _segment(self, best: dict[str, Any]) -> Hypothesis:
        timed = _timed(best.get("words")) if self._timed else ()
        languages = [code(primary(tag)) for tag in texts(best.get("languages"))]
        language = next(filter(None, languages), "")
        return Hypothesis(
            text_of(best.get("transcript")),
            language=language,
            logprob=log_of(best.get("confidence")),
            timed=timed,
        )

    def _prove(self, metadata: object) -> None:
        """Refuse words of another version than the pinned one, or of none."""
        pinned = self._provider.version
        model = metadata.get("model_info") if isinstance(metadata, dict) else None
        version = model.get("version") if isinstance(model, dict) else None
        if pinned and version != pinned:
            name = self._provider.name
            raise ProviderFailed(name, f"is not version {pinned!r} of the model", "pin")

    def _heard(self, done: bool = False) -> Heard:
        parts = [self._settled[begin] for begin in sorted(self._settled)]
        if self._newest is not None:
            parts.append(self._newest)
        return Heard(joined(parts), self._until_s, done=done)


class Flux:
    """One utterance with a model of ``/v2/listen``."""

    def __init__(self, provider: RecogniserProvider, opening: Opening) -> None:
        self._name = provider.name
        self._ended = False
        self._n_sent = 0
        self._turns: dict[int, Hypothesis] = {}
        self._until_s = 0.0
        self._over: float | None = None
        self.hello: Sequence[str] = ()
        self.alive = ""  # it has no such message; silence is audio to it
        query: list[tuple[str, object]] = [
            ("model", provider.model),
            ("encoding", "linear16"),
            ("sample_rate", MIC_RATE),
            ("eot_threshold", NEVER_ENDS),
            ("eot_timeout_ms", SILENCE_MS),
            *UNKEPT.items(),
        ]
        language = language_asked(provider, opening)
        if language and provider.model.endswith("-multi"):
            query.append(("language_hint", primary(language)))
        query += [("keyterm", term) for term in terms(opening.prompt)]
        where = socket_url(provider.base_url, "v2/listen")
        self.url = f"{where}?{urlencode(query)}"

    def audio(self, pcm: bytes) -> bytes:
        """See ``Wire``."""
        self._n_sent += len(pcm) // 2
        return pcm

    def end(self) -> Sequence[str]:
        """See ``Wire``; what it has not heard yet it hears, then it hangs up."""
        self._ended = True
        return (CLOSE,)

    def read(self, message: str | bytes) -> Heard | None:
        """See ``Wire``."""
        told = document(self._name, message)
        match told.get("type"):
            case "TurnInfo":
                return self._turn(told)
            case "Error":
                raise ProviderFailed(self._name, "reports a fault")
        return None  # Connected, and what is new

    def closed(self, sent_s: float, broken: EngineFailed | None) -> Heard:
        """See ``Wire``; it may hang up without saying so properly."""
        if broken is not None and self._until_s < sent_s - UPDATE_S:
            raise broken
        return self._heard(done=True)

    def _turn(self, told: dict[str, Any]) -> Heard:
        index, text = told.get("turn_index"), told.get("transcript")
        until_s = number(told.get("audio_window_end"))
        if not isinstance(index, int) or not isinstance(text, str) or until_s is None:
            raise ProviderFailed(self._name, "sent a turn without words")
        languages = [code(primary(tag)) for tag in texts(told.get("languages"))]
        language = next(filter(None, languages), "")
        words = text_of(text)
        self._turns[index] = Hypothesis(words, language=language)
        self._until_s = max(self._until_s, until_s)
        if words:
            over = number(told.get("end_of_turn_confidence"))
            self._over = None if over is None else min(max(over, 0.0), 1.0)
        all_heard = self._until_s >= self._n_sent / MIC_RATE - SLACK_S
        return self._heard(self._ended and all_heard)

    def _heard(self, done: bool = False) -> Heard:
        words = joined([self._turns[index] for index in sorted(self._turns)])
        return Heard(words, self._until_s, self._over, done)


def _timed(words: object) -> tuple[TimedWord, ...]:
    if not isinstance(words, list):
        return ()
    return tuple(filter(None, (_word(each) for each in words)))


def _word(told: object) -> TimedWord | None:
    if not isinstance(told, Mapping):
        return None
    text = text_of(told.get("punctuated_word")) or text_of(told.get("word"))
    begin_s, end_s = number(told.get("start")), number(told.get("end"))
    if not text or begin_s is None or end_s is None:
        return None
    return TimedWord(text, begin_s, end_s, log_of(told.get("confidence")) or 0.0)
