"""Deepgram's protocols: what is written, and what is made of what comes back."""

from __future__ import annotations

import contextlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import DICTATION, Hypothesis, Opening
from voiceserver.engines.hearing.deepgram import Flux, Nova, wire
from voiceserver.engines.hearing.live import Heard
from voiceserver.errors import ProviderFailed
from voiceserver.events import TimedWord

BASE = "https://api.deepgram.com"
NOVA = RecogniserProvider("ears", BASE, "nova-3", "deepgram")
FLUX = RecogniserProvider("ears", BASE, "flux-general-en", "deepgram")
MULTI = RecogniserProvider("ears", BASE, "flux-general-multi", "deepgram")


def results(text: str, begin_s: float, final: bool, **more: Any) -> str:
    """Of Nova."""
    best = {"transcript": text, "confidence": 1.0}
    told = {
        "type": "Results",
        "start": begin_s,
        "duration": 1.0,
        "is_final": final,
        "channel": {"alternatives": [best | more.pop("best", {})]},
    }
    return json.dumps(told | more)


def turn(text: str, index: int = 0, until_s: float = 1.0, over: Any = 0.2) -> str:
    """Of Flux."""
    return json.dumps(
        {
            "type": "TurnInfo",
            "event": "Update",
            "turn_index": index,
            "audio_window_end": until_s,
            "transcript": text,
            "end_of_turn_confidence": over,
        }
    )


def heard(spoken: Nova | Flux, *messages: str) -> Heard:
    """What the last message leaves."""
    last = [spoken.read(message) for message in messages][-1]
    assert last is not None
    return last


def query(provider: RecogniserProvider, opening: Opening = DICTATION) -> dict[str, Any]:
    """Of the address."""
    parts = urlsplit(wire(provider, opening).url)
    assert (parts.scheme, parts.netloc) == ("wss", "api.deepgram.com")
    return {"path": parts.path} | parse_qs(parts.query)


def test_nova_is_asked_for_partials_of_plain_samples() -> None:
    asked = query(NOVA, Opening("en-US", "latte, mocha"))
    assert asked == {
        "path": "/v1/listen",
        "model": ["nova-3"],
        "encoding": ["linear16"],
        "sample_rate": ["16000"],
        "channels": ["1"],
        "interim_results": ["true"],
        "punctuate": ["true"],
        "endpointing": ["300"],
        "mip_opt_out": ["true"],
        "language": ["en-US"],
        "keyterm": ["latte", "mocha"],
    }


def test_what_is_to_be_found_out_is_several_languages_to_nova() -> None:
    assert query(NOVA, Opening("auto"))["language"] == ["multi"]
    assert "language" not in query(NOVA)


def test_flux_is_told_to_end_no_turn() -> None:
    asked = query(MULTI, Opening("pt-BR", "latte"))
    assert asked["path"] == "/v2/listen"
    assert asked["eot_threshold"] == ["1.0"]
    assert asked["mip_opt_out"] == ["true"]
    assert asked["language_hint"] == ["pt"]
    assert asked["keyterm"] == ["latte"]
    assert "language_hint" not in query(FLUX, Opening("en"))


def test_segments_are_put_together_and_partials_replaced() -> None:
    nova = Nova(NOVA, DICTATION)
    told = heard(
        nova,
        results("one", 0.0, False),
        results("One,", 0.0, True),
        results("two", 1.0, False),
        results("too", 1.0, False),
    )
    assert told == Heard(Hypothesis("One, too", logprob=0.0), 2.0)
    assert heard(nova, results("two.", 1.0, True)).hypothesis.text == "One, two."


def test_what_comes_twice_is_there_once() -> None:
    twice = results("One.", 0.0, True)
    assert heard(Nova(NOVA, DICTATION), twice, twice).hypothesis.text == "One."
    late = results("one", 0.0, False)
    assert heard(Nova(NOVA, DICTATION), twice, late).hypothesis.text == "One."


def test_nova_is_done_when_all_is_settled_or_it_says_goodbye() -> None:
    nova = Nova(NOVA, DICTATION)
    early = heard(nova, results("one", 0.0, True, from_finalize=True))
    assert not early.done
    assert nova.read('{"type": "Metadata"}') is None
    assert [json.loads(each)["type"] for each in nova.end()] == [
        "Finalize",
        "CloseStream",
    ]
    assert not heard(nova, results("one", 0.0, True)).done
    assert heard(nova, results("one", 0.0, True, from_finalize=True)).done
    assert heard(nova, '{"type": "Metadata"}').done
    assert nova.closed(1.0, None).done
    with pytest.raises(ProviderFailed):
        nova.closed(1.0, ProviderFailed("ears", "broke off"))


def test_a_turn_ends_by_nothing_that_nova_says() -> None:
    nova = Nova(NOVA, DICTATION)
    assert nova.read('{"type": "UtteranceEnd", "last_word_end": 1.2}') is None
    assert nova.read('{"type": "SpeechStarted"}') is None
    assert heard(nova, results("one", 0.0, True, speech_final=True)).ended is None


def test_words_have_times_where_they_are_asked_for() -> None:
    word = {"word": "one", "punctuated_word": "One.", "start": 0.1, "end": 0.4}
    best = {"words": [word | {"confidence": 1.0}, {"word": "two"}, 7]}
    told = heard(Nova(NOVA, Opening(timed=True)), results("One.", 0, True, best=best))
    assert told.hypothesis.timed == (TimedWord("One.", 0.1, 0.4, 0.0),)


def test_the_language_heard_is_told() -> None:
    best = {"languages": ["xx", "es-ES"]}
    told = heard(Nova(NOVA, DICTATION), results("hola", 0, True, best=best))
    assert told.hypothesis.language == "es"


def test_another_version_than_the_pinned_is_refused() -> None:
    pinned = RecogniserProvider("e", BASE, "nova-3", "deepgram", version="2025-07-31.0")
    assert query(pinned)["version"] == ["2025-07-31.0"]
    right, wrong = (
        {"metadata": {"model_info": {"version": version}}}
        for version in ("2025-07-31.0", "2099-01-01.0")
    )
    assert heard(Nova(pinned, DICTATION), results("a", 0, True, **right)).hypothesis
    with pytest.raises(ProviderFailed, match="version") as failure:
        heard(Nova(pinned, DICTATION), results("a", 0, True, **wrong))
    assert failure.value.kind == "pin"
    with pytest.raises(ProviderFailed, match="version"):
        heard(Nova(pinned, DICTATION), results("a", 0, True))


def test_flux_tells_how_likely_the_turn_is_over() -> None:
    told = heard(Flux(FLUX, DICTATION), turn("one two", until_s=1.5, over=0.75))
    assert told == Heard(Hypothesis("one two"), 1.5, 0.75)


def test_a_turn_that_flux_ended_after_all_is_only_a_part() -> None:
    flux = Flux(FLUX, DICTATION)
    assert heard(flux, turn("one"), turn("", 1), turn("two", 1)).hypothesis.text == (
        "one two"
    )


def test_flux_is_done_once_it_has_heard_all() -> None:
    flux = Flux(FLUX, DICTATION)
    flux.audio(bytes(64_000))
    assert not heard(flux, turn("one", until_s=1.5)).done
    assert json.loads(flux.end()[0]) == {"type": "CloseStream"}
    assert not heard(flux, turn("one", until_s=1.75)).done
    assert heard(flux, turn("one", until_s=1.95)).done


def test_flux_may_hang_up_improperly_once_it_has_heard_nearly_all() -> None:
    flux, broken = Flux(FLUX, DICTATION), ProviderFailed("ears", "broke off")
    heard(flux, turn("one", until_s=1.75))
    assert flux.closed(2.0, broken).done
    assert flux.closed(4.0, None).done
    with pytest.raises(ProviderFailed):
        flux.closed(4.0, broken)


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["alternatives", "transcript", "words", "languages", "start"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
FIELDS = (
    "channel start duration is_final metadata turn_index transcript languages "
    "audio_window_end end_of_turn_confidence words"
).split()


@settings(max_examples=40)
@given(
    st.sampled_from(["Results", "TurnInfo", "Metadata", "Error", "New"]),
    st.dictionaries(st.sampled_from(FIELDS), VALUES),
    st.sampled_from([NOVA, FLUX]),
)
def test_whatever_it_sends_is_words_or_a_failure(
    kind: str, fields: dict[str, Any], provider: RecogniserProvider
) -> None:
    spoken = wire(provider, Opening(timed=True))
    with contextlib.suppress(ProviderFailed):
        told = spoken.read(json.dumps(fields | {"type": kind}))
        assert told is None or isinstance(told.hypothesis.text, str)
