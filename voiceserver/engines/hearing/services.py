"""What a transcription service is to the chain, and what several of them share.

Knows none of them; ``table`` opens them by their dialect.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Protocol

from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import DICTATION, Hypothesis, Opening
from voiceserver.engines.notes import Note
from voiceserver.errors import ProviderFailed

MAX_TEXT = 20_000  # characters; nobody says more in a turn
MAX_TERMS = 50  # words to be expected; Deepgram and Azure bound them at some hundred
MAX_TERM = 60  # characters of one


class Service(Protocol):
    """Recognises whole utterances by one provider."""

    provider: RecogniserProvider

    @property
    def name(self) -> str:
        """The provider's name."""

    async def warm(self) -> None:
        """Open a connection, or prove that there is one to be had.

        Raises:
            ProviderFailed: If there is none to be had, or the key is refused.
        """

    def recognise(
        self,
        pcm: bytes,
        opening: Opening = DICTATION,
        observe: Callable[[Note], None] = lambda _note: None,
    ) -> AsyncGenerator[Hypothesis, None]:
        """Give the words, once.

        Args:
            pcm: The whole utterance, 16-bit little-endian, mono, 16 kHz.
            opening: Language and words to be expected are passed on.
            observe: Told what it cost once it is accepted.

        Raises:
            ProviderFailed: If the service gives no words that can be read.
        """


def language_asked(provider: RecogniserProvider, opening: Opening) -> str:
    """BCP 47 of what to write down; ``""`` where that is to be found out by hearing."""
    language = provider.language or opening.language
    return "" if language == "auto" else language


def terms(prompt: str) -> list[str]:
    """Words to be expected, one by one, for a service that wants a list of them.

    Of a prompt that is a sentence there are none: only what is short is a term.
    """
    parts = (" ".join(part.split()) for part in prompt.replace("\n", ",").split(","))
    return [part for part in parts if 0 < len(part) <= MAX_TERM][:MAX_TERMS]


def document(source: str, message: str | bytes) -> dict[str, Any]:
    """Read a JSON object that a service sent.

    Raises:
        ProviderFailed: If it is none.
    """
    try:
        read = json.loads(message)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise ProviderFailed(source, "sent what cannot be read")
    return read


def text_of(given: object) -> str:
    """What a service wrote, on one line, as text that can be sent on."""
    if not isinstance(given, str):
        return ""
    return " ".join(given.encode(errors="replace").decode().split())[:MAX_TEXT]


def texts(given: object) -> list[str]:
    """A list of texts; of whatever else was sent in its place there are none."""
    listed = given if isinstance(given, list) else []
    return [each for each in listed if isinstance(each, str)]


def number(given: object) -> float | None:
    """A finite number; None for whatever else was sent in its place."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    return float(given) if math.isfinite(given) else None


def log_of(probability: object) -> float | None:
    """Natural logarithm of a probability that was sent, at least that of 1e-6."""
    value = number(probability)
    return None if value is None else math.log(min(max(value, 1e-6), 1.0))


def mean_logprob(given: object) -> float | None:
    """Mean of the tokens' log-probabilities, as OpenAI lists them; None without."""
    if not isinstance(given, list):
        return None
    listed = (number(each.get("logprob")) for each in given if isinstance(each, dict))
    values = [min(0.0, value) for value in listed if value is not None]
    return sum(values) / len(values) if values else None


def joined(parts: Sequence[Hypothesis]) -> Hypothesis:
    """Make one of the segments of an utterance; its language is most segments'."""
    said = [part for part in parts if part.text]
    languages = Counter(part.language for part in said if part.language)
    logprobs = [part.logprob for part in said if part.logprob is not None]
    return Hypothesis(
        " ".join(part.text for part in said)[:MAX_TEXT],
        language=languages.most_common(1)[0][0] if languages else "",
        logprob=sum(logprobs) / len(logprobs) if logprobs else None,
        timed=tuple(word for part in said for word in part.timed),
    )
