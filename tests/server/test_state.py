"""What the routes share."""

from __future__ import annotations

import contextlib
from functools import partial

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


def test_who_waits_for_a_reader_leaves_its_place_to_others() -> None:
    """As many again; then a slow one is cut, a good one never."""
    jobs, cut = AudioJobs(2), list[str]()
    with contextlib.ExitStack() as readers:
        for number in range(4):
            place = readers.enter_context(jobs.one_more(partial(cut.append, "good")))
            place.given_s = 1000.0
            if number == 2:
                place.given_s = 0.0
                place.cut = partial(cut.append, "slow")
            readers.enter_context(place.waiting())
        with jobs.one_more() as more:
            assert cut == ["slow"]
            with pytest.raises(Refusal), jobs.one_more():
                pass
            with more.waiting(), pytest.raises(Refusal), jobs.one_more():
                pass
    assert cut == ["slow"]
    with jobs.one_more(), jobs.one_more(), pytest.raises(Refusal), jobs.one_more():
        pass


def test_nobody_is_cut_for_one_who_is_refused_all_the_same() -> None:
    """A slow reader stays where all places work."""
    jobs, cut = AudioJobs(1), list[str]()
    with (
        jobs.one_more(partial(cut.append, "slow")) as slow,
        slow.waiting(),
        jobs.one_more(),
        pytest.raises(Refusal),
        jobs.one_more(),
    ):
        pass
    assert cut == []


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
