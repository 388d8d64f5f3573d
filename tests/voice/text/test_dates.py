"""Dates and times that cannot be; the table of the normaliser covers the others."""

from __future__ import annotations

import pytest

from voiceserver.voice.text.verbalise import verbalise


@pytest.mark.parametrize("text", ["13/45/2020", "99:99", "2020-13-40", "45 May 1999"])
def test_impossible_dates_and_times_are_read_as_numbers(text: str) -> None:
    """No thirteenth month: what cannot be a date is still spoken, as something else."""
    spoken = verbalise(text, 0)
    assert spoken is not None
    assert not {"january", "o'clock"} & set(spoken[0])
