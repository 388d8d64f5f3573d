"""Recognition by Azure Speech: short audio, fast transcription, MAI-Transcribe.

What is asked and what is answered (learn.microsoft.com, azure/ai-services/
speech-service: rest-speech-to-text-short, fast-transcription-create, llm-speech,
mai-transcribe; the version by microsoft-foundry.github.io/forgebook/notebook/
mai-transcribe-1-5). Does no I/O.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from voiceserver.audio import MIC_RATE
from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import Hypothesis, Opening
from voiceserver.engines.hearing.service import (
    FileDialect,
    FileRequest,
    wav,
    wav_form,
)
from voiceserver.engines.hearing.services import (
    joined,
    language_asked,
    log_of,
    terms,
    text_of,
)
from voiceserver.errors import ProviderFailed
from voiceserver.languages import code, primary

SHORT_AUDIO = "short-audio"
FAST = "fast-transcription"
VERSION = "2025-10-15"  # of fast transcription, where none is pinned
MAX_SHORT_S = 60
_PATH = "speech/recognition/conversation/cognitiveservices/v1"
_NO_WORDS = ("NoMatch", "InitialSilenceTimeout", "BabbleTimeout")


def dialect(provider: RecogniserProvider) -> FileDialect:
    """How the provider's model is asked."""
    if provider.model == SHORT_AUDIO:
        return ShortAudio(provider)
    return FastTranscription(provider)


class _Azure:
    key = ("Ocp-Apim-Subscription-Key", "")
    proves_key = False  # it is shown to nothing that would look at it

    def __init__(self, provider: RecogniserProvider) -> None:
        self._provider = provider
        self._base_url = provider.base_url.rstrip("/")
        self.warm_url = f"{self._base_url}/"


class ShortAudio(_Azure):
    """The REST API for short audio: one request, at most 60 s, no partial words."""

    def request(self, pcm: bytes, opening: Opening) -> FileRequest:
        """See ``FileDialect``."""
        if len(pcm) > 2 * MIC_RATE * MAX_SHORT_S:
            name = self._provider.name
            raise ProviderFailed(name, f"takes at most {MAX_SHORT_S} s", "refused")
        query = urlencode(
            {
                "language": self._provider.language,
                "format": "detailed",
                "profanity": "raw",
            }
        )
        return FileRequest(
            f"{self._base_url}/{_PATH}?{query}",
            f"audio/wav; codecs=audio/pcm; samplerate={MIC_RATE}",
            wav(pcm),
        )

    def read(self, answer: Any) -> Hypothesis:
        """See ``FileDialect``."""
        told = answer if isinstance(answer, dict) else {}
        status = told.get("RecognitionStatus")
        if status in _NO_WORDS:
            return Hypothesis(final=True)
        options = told.get("NBest")
        best = options[0] if isinstance(options, list) and options else None
        text = best.get("Display") if isinstance(best, dict) else None
        if status != "Success" or not isinstance(text, str):
            raise ProviderFailed(self._provider.name, "sent no text")
        assert isinstance(best, dict)
        return Hypothesis(
            text_of(text), final=True, logprob=log_of(best.get("Confidence"))
        )


class FastTranscription(_Azure):
    """The fast transcription API, which MAI-Transcribe is a model of."""

    def request(self, pcm: bytes, opening: Opening) -> FileRequest:
        """See ``FileDialect``."""
        definition: dict[str, object] = {}
        if language := language_asked(self._provider, opening):
            definition["locales"] = [language]
        if words := terms(opening.prompt):
            definition["phraseList"] = {"phrases": words}
        if self._provider.model == FAST:
            definition["profanityFilterMode"] = "None"
        else:
            model = {"enabled": True, "model": self._provider.model}
            definition["enhancedMode"] = model
        version = self._provider.version or VERSION
        url = f"{self._base_url}/speechtotext/transcriptions:transcribe"
        fields = {"definition": json.dumps(definition)}
        return wav_form(f"{url}?api-version={version}", fields, "audio", pcm)

    def read(self, answer: Any) -> Hypothesis:
        """See ``FileDialect``."""
        told = answer if isinstance(answer, dict) else {}
        combined = told.get("combinedPhrases")
        if not isinstance(combined, list):
            raise ProviderFailed(self._provider.name, "sent no text")
        texts = [each.get("text") for each in combined if isinstance(each, dict)]
        listed = told.get("phrases")
        phrases = listed if isinstance(listed, list) else []
        heard = joined([_phrase(each) for each in phrases if isinstance(each, dict)])
        return Hypothesis(
            text_of(" ".join(text for text in texts if isinstance(text, str))),
            final=True,
            language=heard.language,
            logprob=heard.logprob,
        )


def _phrase(told: dict[str, Any]) -> Hypothesis:
    """What is told of a phrase beside its words."""
    locale = told.get("locale")
    return Hypothesis(
        text_of(told.get("text")),
        language=code(primary(locale)) if isinstance(locale, str) else "",
        logprob=log_of(told.get("confidence")),
    )
