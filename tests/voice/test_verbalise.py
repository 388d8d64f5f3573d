"""Verbalisation at a place in the text; the table of the normaliser covers the rest."""

from __future__ import annotations

import pytest

from voiceserver.voice.verbalise import code, spell, verbalise


def test_says_where_the_spoken_part_ends() -> None:
    """What follows is left to the caller."""
    assert verbalise("$5 now", 0) == (["five", "dollars"], 2)
    assert verbalise("at 7:30 sharp", 3) == (["seven", "thirty"], 7)


@pytest.mark.parametrize("text", ["hello", "don't", "-", "&c", "(", "well-known"])
def test_plain_words_are_declined(text: str) -> None:
    """Nothing to verbalise."""
    assert verbalise(text, 0) is None


@pytest.mark.parametrize("text", ["13/45/2020", "99:99", "2020-13-40", "45 May 1999"])
def test_impossible_dates_and_times_are_read_as_numbers(text: str) -> None:
    """No thirteenth month: what cannot be a date is still spoken, as something else."""
    spoken = verbalise(text, 0)
    assert spoken is not None
    assert not {"january", "o'clock"} & set(spoken[0])


def test_letters_and_codes() -> None:
    """Letters have a full stop after them; digits are words."""
    assert spell("Ab3") == ["a.", "b.", "three"]
    assert code("MP3") == ["m.", "p.", "three"]
    assert code("abc007") == ["abc", "zero", "zero", "seven"]
