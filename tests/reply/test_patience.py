"""How long the words of an answer are waited for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.reply.patience import Patience


def asked(read: bool = False) -> Patience:
    """Two seconds of silence, eight to the first clause; asked at second 10."""
    patience = Patience(2, 8, read)
    patience.waits(10)
    return patience


def test_first_words_are_words() -> None:
    """Not a clause: its first word puts off the end."""
    patience = asked()
    assert patience.due_s(10) == 12
    patience.came(11.9)
    assert patience.due_s(11.9) == 13.9
    assert patience.limit_ms == 2000


def test_a_first_clause_is_not_waited_for_without_end() -> None:
    """However steadily it grows."""
    patience = asked()
    for now_s in range(11, 18):
        patience.came(now_s)
    assert patience.due_s(17) == 18
    assert patience.limit_ms == 8000


def test_after_the_first_clause_only_silence_counts() -> None:
    """The clock of the whole is over, and while the voice speaks none runs."""
    patience = asked()
    patience.came(11)
    patience.clause()
    patience.sounding()
    patience.waits(11)
    assert patience.due_s(60) == 62  # asked again then
    patience.sounds_until(65)
    assert patience.due_s(61) == 67
    patience.came(66)
    assert patience.due_s(66) == 68
    assert patience.limit_ms == 2000


def test_a_call_that_grows_is_no_clause_that_is_late() -> None:
    """Its arguments may be long; only a standstill is late."""
    patience = asked()
    patience.clause()
    for now_s in range(11, 40):
        patience.came(now_s)
    assert patience.due_s(39) == 41


def test_nobody_waits_in_silence_for_what_is_read() -> None:
    """More of it is waited for longer."""
    patience = asked(read=True)
    assert patience.due_s(10) == 12 and patience.limit_ms == 2000
    patience.came(11)
    assert patience.due_s(11) == 19 and patience.limit_ms == 8000


def test_a_first_clause_that_grows_is_late_at_half_its_time() -> None:
    """Of what has no words yet nothing can be said."""
    patience = asked()
    assert not patience.clause_is_late(15)
    patience.came(11)
    assert not patience.clause_is_late(13.9)
    assert patience.clause_is_late(14)
    patience.clause()
    assert not patience.clause_is_late(15)


@given(st.lists(st.floats(0.01, 1.99), min_size=1, max_size=200), st.booleans())
def test_a_steady_stream_is_never_late(gaps: list[float], voiced: bool) -> None:
    """Once its first clause is there, at any pace below the limit."""
    patience, now_s = asked(), 10.0
    patience.clause()
    for gap in gaps:
        patience.waits(now_s)
        if voiced:
            patience.sounding()
        assert patience.due_s(now_s) > now_s + gap
        now_s += gap
        patience.came(now_s)


@pytest.mark.parametrize("pause_s", [2.1, 9.0, 60.0])
def test_a_pause_behind_the_voice_costs_nothing(pause_s: float) -> None:
    """It is late when the caller has heard nothing for so long."""
    patience = asked()
    patience.came(11)
    patience.clause()
    patience.sounds_until(11 + pause_s)
    patience.waits(11.0)
    assert patience.due_s(11) == pytest.approx(13 + pause_s)
