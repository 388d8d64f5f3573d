"""Recognition by services with OpenAI's ``/v1/audio/transcriptions``.

OpenAI itself, and what speaks like it by another URL: speaches, vLLM, Groq, LocalAI.
Does no I/O.
"""

from __future__ import annotations

from typing import Any

from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import Hypothesis, Opening
from voiceserver.engines.hearing.service import FileRequest, wav_form
from voiceserver.engines.hearing.services import language_asked, mean_logprob, text_of
from voiceserver.errors import ProviderFailed
from voiceserver.languages import code, primary


class OpenAiFiles:
    """A ``FileDialect``."""

    key = ("Authorization", "Bearer ")
    proves_key = True

    def __init__(self, provider: RecogniserProvider) -> None:
        self._provider = provider
        base_url = provider.base_url.rstrip("/")
        self._url = f"{base_url}/audio/transcriptions"
        self.warm_url = f"{base_url}/models"

    def request(self, pcm: bytes, opening: Opening) -> FileRequest:
        """See ``FileDialect``."""
        fields = {"model": self._provider.model, "response_format": "json"}
        if language := language_asked(self._provider, opening):
            fields["language"] = primary(language)
        if opening.prompt:
            fields["prompt"] = opening.prompt
        return wav_form(self._url, fields, "file", pcm)

    def read(self, answer: Any) -> Hypothesis:
        """Read ``{"text": ...}``; other members where they are there and make sense."""
        text = answer.get("text") if isinstance(answer, dict) else None
        if not isinstance(text, str):
            raise ProviderFailed(self._provider.name, "sent no text")
        language = answer.get("language")
        heard = code(language) if isinstance(language, str) else ""
        logprob = mean_logprob(answer.get("logprobs"))
        return Hypothesis(text_of(text), final=True, language=heard, logprob=logprob)
