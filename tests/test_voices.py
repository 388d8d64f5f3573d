"""Which voices may be named."""

from __future__ import annotations

import pytest

from voiceserver.errors import BadRequest
from voiceserver.voices import OPENAI_VOICES, Voices


def test_all_that_may_be_named_are_listed_the_default_first() -> None:
    """The synthesizer's own and OpenAI's, each once."""
    names = Voices(("alloy", "nadia"), "nadia").names
    assert names[0] == "nadia"
    assert set(names) == {"nadia", *OPENAI_VOICES}
    assert len(names) == len(set(names))


def test_a_name_of_openai_is_spoken_by_the_default() -> None:
    """Unless the synthesizer has a voice of that name."""
    voices = Voices(("alloy", "nadia"), "nadia")
    assert voices.spoken_by("marin") == "nadia"
    assert voices.spoken_by("alloy") == "alloy"


@pytest.mark.parametrize("given", ["nadia", {"id": "nadia"}])
def test_a_voice_is_a_name_or_an_id(given: object) -> None:
    """As OpenAI's clients write it."""
    assert Voices(("nadia",), "nadia").check(given, "voice") == "nadia"


@pytest.mark.parametrize("given", ["nobody", {"id": "nobody"}, None, 7, {}, ["nadia"]])
def test_another_voice_is_refused_where_it_was_given(given: object) -> None:
    """The error names the field; of an unknown name also the valid ones."""
    with pytest.raises(BadRequest) as refused:
        Voices(("nadia",), "nadia").check(given, "audio.voice")
    assert refused.value.param == "audio.voice"
    assert ("nadia" in str(refused.value)) == ("nobody" in str(given))
