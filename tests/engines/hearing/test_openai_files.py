"""OpenAI's files: what is made of its answers."""

from __future__ import annotations

from typing import Any

import pytest

from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import Hypothesis
from voiceserver.engines.hearing.openai_files import OpenAiFiles
from voiceserver.errors import ProviderFailed

FILES = OpenAiFiles(RecogniserProvider("ears", "http://h/v1/", "whisper-1"))


def test_what_is_told_beside_the_words_is_taken_where_it_makes_sense() -> None:
    told = {"text": " Hola. ", "language": "Spanish", "logprobs": [{"logprob": -1}]}
    assert FILES.read(told) == Hypothesis("Hola.", True, language="es", logprob=-1.0)
    assert FILES.read({"text": "", "language": 7}) == Hypothesis(final=True)
    assert FILES.warm_url == "http://h/v1/models"


@pytest.mark.parametrize("answer", [None, [], {}, {"text": 7}])
def test_an_answer_without_words_is_a_failure(answer: Any) -> None:
    with pytest.raises(ProviderFailed, match="ears: sent no text"):
        FILES.read(answer)
