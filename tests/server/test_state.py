"""What the routes share."""

from __future__ import annotations

import contextlib

import pytest

from voiceserver.server.answers import Refusal
from voiceserver.server.state import AudioJobs


def test_audio_jobs_are_bounded_and_given_back() -> None:
    """Also when a job fails."""
    jobs = AudioJobs(1)
    for _ in range(2):
        with contextlib.suppress(ZeroDivisionError), jobs.one_more():
            with pytest.raises(Refusal), jobs.one_more():
                pass
            raise ZeroDivisionError
