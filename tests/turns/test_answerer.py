"""Who took a call: a person, or a machine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recordings import recording
from voiceserver.audio import MIC_RATE, Samples
from voiceserver.turns.answerer import NOBODY_MS, TONE_MS, AnsweredBy, Answerer


def still(seconds: float) -> Samples:
    return np.zeros(round(seconds * MIC_RATE), np.float32)


def tone(hz: float, seconds: float) -> Samples:
    at_s = np.arange(round(seconds * MIC_RATE)) / MIC_RATE
    return (0.1 * np.sin(2 * np.pi * hz * at_s)).astype(np.float32)


def murmur(seconds: float) -> Samples:
    """Noise as loud as a voice: it has no tone."""
    rng = np.random.default_rng(1)
    return rng.normal(0, 0.1, round(seconds * MIC_RATE)).astype(np.float32)


def heard(*parts: Samples) -> Answerer:
    it = Answerer()
    it.push(np.concatenate(parts))
    return it


@pytest.mark.parametrize(
    ("seconds", "then_s", "who"),
    [
        (0.5, 0.7, None),
        (0.5, 0.9, AnsweredBy.HUMAN),
        (2.0, 0.9, AnsweredBy.HUMAN),
        (2.5, 0.0, AnsweredBy.MACHINE),
    ],
)
def test_who_speaks_on_is_a_machine(
    seconds: float, then_s: float, who: AnsweredBy | None
) -> None:
    """A person says a word or two and waits."""
    assert heard(still(0.4), murmur(seconds), still(then_s)).who is who


def test_a_short_pause_is_part_of_a_greeting() -> None:
    """Nobody waits that shortly for an answer."""
    parts = (murmur(1.0), still(0.5), murmur(1.2))
    assert heard(*parts).who is AnsweredBy.MACHINE


def test_a_message_may_be_left_once_the_tone_is_over() -> None:
    """Not while it sounds."""
    it = heard(murmur(3.0), still(0.4), tone(1000, 0.5))
    assert (it.who, it.ready) == (AnsweredBy.MACHINE, False)
    it.push(still(0.1))
    assert it.ready


def test_without_a_tone_silence_is_waited_for() -> None:
    """Some machines have none."""
    it = heard(murmur(3.0), still(2.0))
    assert (it.who, it.ready) == (AnsweredBy.MACHINE, False)
    it.push(still(0.6))
    assert it.ready


def test_a_tone_makes_a_machine_of_a_person() -> None:
    """Whose greeting was as short as a "hello"."""
    it = heard(murmur(0.8), still(1.0))
    assert it.who is AnsweredBy.HUMAN
    it.push(np.concatenate([tone(850, 0.4), still(0.1)]))
    assert (it.who, it.ready) == (AnsweredBy.MACHINE, True)


def test_of_who_says_nothing_nothing_is_known() -> None:
    """For as long as that takes; a click is no voice."""
    click = np.full(200, 0.5, np.float32)
    it = heard(still(1.0), click, still(NOBODY_MS / 1000 - 1.2))
    assert it.who is None
    it.push(still(0.3))
    assert it.who is AnsweredBy.UNKNOWN


@settings(max_examples=40, deadline=None)
@given(
    hz=st.floats(430, 2500),
    seconds=st.floats(TONE_MS / 1000 + 0.08, 1.5),
    cuts=st.lists(st.integers(1, 900), max_size=8),
)
def test_any_tone_in_any_blocks(hz: float, seconds: float, cuts: list[int]) -> None:
    """However its packets are cut."""
    line = np.concatenate([still(0.3), tone(hz, seconds), still(0.1)])
    it = Answerer()
    for part in np.split(line, np.minimum(np.cumsum(cuts), len(line))):
        it.push(part)
    assert (it.who, it.ready) == (AnsweredBy.MACHINE, True)


@pytest.mark.speech
def test_people_are_no_tones_and_long_readers_are_machines() -> None:
    """Human voices: one word, and one who reads on."""
    reader = recording("speech/read/quilter.wav")
    assert heard(still(0.5), reader).who is AnsweredBy.MACHINE
    word = recording("speech/command/vosk_digits.wav")
    assert heard(still(0.3), word[: MIC_RATE // 2], still(1)).who in (
        AnsweredBy.HUMAN,
        None,
    )
    it = heard(still(0.5), reader, still(0.1))
    assert not it.ready  # no vowel of his was a tone
