"""What the routes share."""

from __future__ import annotations

import contextlib

import pytest

from voiceserver.server.answers import Refusal
from voiceserver.server.state import AudioJobs, UploadRoom


def test_audio_jobs_are_bounded_and_given_back() -> None:
    """Also when a job fails."""
    jobs = AudioJobs(1)
    for _ in range(2):
        with contextlib.suppress(ZeroDivisionError), jobs.one_more():
            with pytest.raises(Refusal), jobs.one_more():
                pass
            raise ZeroDivisionError


def test_uploads_are_bounded_by_what_has_come() -> None:
    """Not by their number; a refused one gives back what it held."""
    room = UploadRoom(10)
    with room.one_more() as first, room.one_more():
        first(6)
        with room.one_more() as third:
            third(4)
            with pytest.raises(Refusal):
                third(1)
        with room.one_more() as fourth:
            fourth(4)
    with room.one_more() as fifth:
        fifth(10)
