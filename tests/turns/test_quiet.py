"""Windows that may wait: those as quiet as what was no voice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.turns.quiet import CALM, FLOOR_DB, MARGIN_DB, NO_VOICE, Quiet

ROOM_DB = -62.0


def calm(level_db: float = ROOM_DB, n_windows: int = CALM) -> Quiet:
    it = Quiet()
    for _ in range(n_windows):
        it.looked([level_db] * 4, 0.02)
    return it


def test_nothing_may_wait_before_it_is_known_how_quiet_it_is() -> None:
    """Not even digital silence: the model's hangover may still be on."""
    assert not Quiet().may_wait([-120.0] * 4)
    assert not calm(n_windows=CALM - 1).may_wait([-120.0] * 4)
    assert calm().may_wait([-120.0] * 4)


def test_one_hop_that_is_louder_waits_for_nothing() -> None:
    """A voice may begin in the last 8 ms of a window."""
    it = calm()
    assert it.may_wait([ROOM_DB + MARGIN_DB - 0.1] * 4)
    assert not it.may_wait([ROOM_DB] * 3 + [ROOM_DB + MARGIN_DB + 0.1])


def test_a_voice_ends_the_calm() -> None:
    """However faint: after it windows are looked at one by one again."""
    it = calm()
    it.looked([ROOM_DB] * 4, NO_VOICE)
    assert not it.may_wait([ROOM_DB] * 4)


def test_a_bang_does_not_make_the_room_loud() -> None:
    """What is loud raises it by little; what is quiet lowers it at once."""
    it = calm()
    it.looked([-10.0] * 4, 0.01)
    assert not it.may_wait([ROOM_DB + MARGIN_DB + 1] * 4)
    it.looked([-90.0] * 4, 0.01)
    assert not it.may_wait([ROOM_DB] * 4)


def test_after_digital_silence_a_quiet_room_is_known_soon() -> None:
    """Within a second and a half: who mutes a telephone hears on as cheaply."""
    it = calm(-120.0, 100)
    for _ in range(45):
        it.looked([ROOM_DB] * 4, 0.02)
    assert it.may_wait([ROOM_DB] * 4)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_levels_that_are_no_numbers_do_not_last(bad: float) -> None:
    """Samples may be anything; a level that is none is forgotten."""
    it = Quiet()
    it.looked([bad] * 4, 0.01)
    for _ in range(CALM):
        it.looked([ROOM_DB] * 4, 0.01)
    assert it.may_wait([ROOM_DB] * 4)
    assert not it.may_wait([bad] * 4)


@given(st.lists(st.tuples(st.floats(-120, 0), st.floats(0, 1)), max_size=60))
def test_what_waits_is_no_louder_than_the_room(
    windows: list[tuple[float, float]],
) -> None:
    """Whatever was heard: at most the margin over the loudest that was no voice."""
    it, loudest = Quiet(), FLOOR_DB
    for level_db, probability in windows:
        if it.may_wait([level_db] * 4):
            assert level_db <= loudest + MARGIN_DB + 1e-6
        it.looked([level_db] * 4, probability)
        if probability < NO_VOICE:
            loudest = max(loudest, level_db)
