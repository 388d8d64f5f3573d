"""Silence at marks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.voice.networks.features import HOP
from voiceserver.voice.pauses import (
    DYING,
    HUSHING,
    LAST,
    SHORTEST,
    after,
    hushed,
    silent_from,
    within_limits,
)
from voiceserver.voice.words.phones import INDEX, MARKS

WELL_THEN = [INDEX[s] for s in ("_", "W", "EH1", "L", ",", "DH", "EH1", "N", ".")]
COMMA = WELL_THEN.index(INDEX[","])


@given(st.lists(st.integers(0, 400), min_size=9, max_size=9), st.floats(0.25, 4.0))
def test_a_comma_is_always_heard_and_never_a_stop(
    drawn: list[int], speed: float
) -> None:
    """80 to 350 ms at the usual speed, whatever was drawn; phones are not touched."""
    lengths = within_limits(torch.tensor(drawn), WELL_THEN, speed)
    comma = int(lengths[COMMA])
    assert comma >= SHORTEST >= 8
    assert comma <= max(SHORTEST, round(35 / speed))
    kept = [i for i in range(9) if i != COMMA]
    assert lengths[kept].tolist() == [drawn[i] for i in kept]


def test_a_comma_that_ends_a_clause_leaves_room_for_the_lead() -> None:
    """What follows it adds: together they are a pause, too, and no stop."""
    symbols = [*WELL_THEN[: COMMA + 1]]
    lengths = within_limits(torch.tensor([2, 5, 9, 6, 90]), symbols, 1.0)
    assert lengths.tolist() == [2, 5, 9, 6, LAST]
    for last in range(LAST + 1):
        lead = max(0, after(MARKS.index(","), 1.0) - last)
        assert last + lead >= 8
        # What dies away and what comes up is quiet too, for some 70 ms.
        assert last + lead + 10 <= 28


@pytest.mark.parametrize("mark", MARKS)
def test_pauses_shrink_with_speed(mark: str) -> None:
    """Who speaks twice as fast waits half as long; a comma is still heard."""
    usual, fast = (after(MARKS.index(mark), speed) for speed in (1.0, 2.0))
    assert fast < usual
    assert fast >= (SHORTEST if mark == "," else 1)


def test_a_clause_is_silent_once_its_last_sound_has_died_away() -> None:
    """Nothing comes up at its end; pieces are as the whole, short ends as they were."""
    lengths = torch.tensor([3, 9, DYING + 6])
    silent = silent_from(lengths, 1.0)
    assert silent == 12 + DYING
    speech = torch.ones(int(lengths.sum()) * HOP)
    whole = hushed(speech, torch.tensor(silent))
    assert (whole[: silent * HOP] == 1).all()
    assert (whole[(silent + HUSHING) * HOP :] == 0).all()
    cut = (silent + 1) * HOP
    last = hushed(speech[cut:], torch.tensor(silent), silent + 1)
    assert torch.equal(last, whole[cut:])
    assert silent_from(torch.tensor([3, 9, DYING]), 1.0) == 12 + DYING
    assert silent_from(lengths, 0.5) == int(lengths.sum())  # dies away more slowly
