"""What a text says, line by line."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.fakes import FakeSpeech
from voiceserver.audio import SPEECH_RATE
from voiceserver.engines.base import SpeechRequest
from voiceserver.errors import BadRequest
from voiceserver.files.script import (
    ScriptLine,
    has_words,
    lines,
    passages,
    phrases,
    speakable,
    spoken,
    style_of,
)

MANNER = SpeechRequest("", "echo", 1.5, 2.0, "joy")


def test_ornaments_are_shortened_and_words_are_not() -> None:
    """A rule of dashes is none the better for its length."""
    assert speakable("a " + "." * 1000 + " b" + "-=" * 500) == "a ... b-=-"
    for text in ("Well... (really?!)", "e\u0301" * 20, "f(a[0])); }", "1.2.3.4.5.6.7"):
        assert speakable(text) == text


def test_a_long_text_is_cut_in_reasonable_time() -> None:
    """100,000 characters of anything in well under a second each."""
    began = time.perf_counter()
    for text in ("One two. ", "word", "no, end, ", ".", "\n", ".! "):
        list(phrases(speakable(text * (100_000 // len(text)))))
    assert time.perf_counter() - began < 20


def test_plain_text_is_one_line_for_each_phrase() -> None:
    """In the manner of the whole."""
    said = list(lines(passages("One two three. Four five six."), MANNER))
    assert [line.request for line in said] == [
        SpeechRequest(text, "echo", 1.5, 2.0, "joy")
        for text in ("One two three.", "Four five six.")
    ]
    assert all(line.pause_s == 0 and line.gain == 1 for line in said)


def test_a_text_that_nobody_plays_as_it_is_made_is_not_paced() -> None:
    """In none of its lines."""
    manner = SpeechRequest("", "echo", paced=False)
    said = lines(passages("One two three. Four five six."), manner)
    assert [line.request.paced for line in said if line.request] == [False, False]


def test_ssml_changes_the_manner_and_pauses_after_the_last_phrase() -> None:
    """Within what a synthesizer takes."""
    text = (
        '<speak><prosody rate="x-fast" pitch="x-high" volume="-20dB">'
        'One two three. Four five six.</prosody><break time="2s"/></speak>'
    )
    first, last = lines(passages(text), SpeechRequest("", "echo", 3.0, 11.0))
    assert first.pause_s == 0
    assert last.pause_s == 2.0
    assert last.gain == pytest.approx(0.1)
    assert last.request == SpeechRequest("Four five six.", "echo", 4.0, 12.0)


def test_phones_go_with_the_phrase_that_holds_their_word() -> None:
    """As ranges of it, whatever of the text before was left out."""
    ssml = (
        "<speak>Wait ....................... for it. Mr. "
        "<phoneme alphabet='cmu' ph='W IH1 N'>Nguyen</phoneme> is here.</speak>"
    )
    requests = [line.request for line in lines(passages(ssml), SpeechRequest(""))]
    found = [(r.text[s.start : s.end], s.phones) for r in requests if r for s in r.said]
    assert len(requests) > 1
    assert found == [("Nguyen", "W IH1 N")]


def test_silence_alone_is_no_words() -> None:
    """Though it lasts."""
    found = passages('<speak><break time="1s"/></speak>')
    assert not has_words(found)
    assert list(lines(found, MANNER)) == [ScriptLine(None, 1.0, 1.0)]
    assert has_words(passages("Well."))
    assert not has_words(passages("..."))


def test_ssml_that_cannot_be_read_is_refused() -> None:
    """Plain text that merely looks like it is not."""
    with pytest.raises(BadRequest):
        passages("<speak>One")
    assert passages("<speaker> One")[0].text == "<speaker> One"


@pytest.mark.parametrize(
    ("instructions", "style"),
    [
        ("", ""),
        ("Speak slowly.", ""),
        ("Be sad, then excited.", "sad"),
        ("Whisper!", "whispered"),
        ("in a joyful tone", "joy"),
    ],
)
def test_the_style_named_first_counts(instructions: str, style: str) -> None:
    """Everything else is ignored."""
    assert style_of(instructions) == style


async def test_a_line_is_spoken_at_its_gain_with_its_pause() -> None:
    """Silent is silent."""
    engine = FakeSpeech(first_s=0.0)
    silent = ScriptLine(SpeechRequest("One two."), 0.0, 0.5)
    parts = [samples async for samples in spoken(engine, silent)]
    whole = np.concatenate(parts)
    assert len(whole) == SPEECH_RATE * 9 // 10
    assert not whole.any()
