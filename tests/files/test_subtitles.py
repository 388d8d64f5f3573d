"""Recognised words as subtitles."""

from __future__ import annotations

from voiceserver.events import TimedWord
from voiceserver.files.recognised import Segment
from voiceserver.files.subtitles import captions, srt, vtt


def words(
    text: str, start_s: float = 0.0, each_s: float = 0.5
) -> tuple[TimedWord, ...]:
    return tuple(
        TimedWord(word, start_s + n * each_s, start_s + (n + 1) * each_s, -0.1)
        for n, word in enumerate(text.split())
    )


def test_a_caption_ends_with_a_sentence() -> None:
    """Or before it gets too long to read."""
    said = words("Go on. " + "word " * 40)
    shown = captions([Segment(0.0, 30.0, "x", said)])
    assert shown[0].text == "Go on."
    assert (shown[0].start_s, shown[0].end_s) == (0.0, 1.0)
    assert all(each.end_s - each.start_s <= 7.0 for each in shown)
    assert all(len(each.text) <= 84 for each in shown)
    assert " ".join(each.text for each in shown).split() == [w.text for w in said]


def test_without_times_of_words_a_piece_is_a_caption() -> None:
    """It is all that is known."""
    segment = Segment(3661.5, 3670.25, "A < B & C")
    assert srt([segment]) == "1\n01:01:01,500 --> 01:01:10,250\nA < B & C\n"
    assert vtt([segment]) == (
        "WEBVTT\n\n01:01:01.500 --> 01:01:10.250\nA &lt; B &amp; C\n"
    )


def test_silence_has_no_captions() -> None:
    """But WebVTT its header."""
    assert srt([]) == ""
    assert vtt([]) == "WEBVTT\n"
