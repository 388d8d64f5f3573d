"""Turn-end jobs inside an engine's process."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from voiceserver.engines.remote.turn_ends_child import LONGEST, TurnEndJob, TurnEndJobs
from voiceserver.errors import EngineFailed
from voiceserver.processes.ipc import Kind


class Core:
    """Gives this probability, and keeps what it heard."""

    def __init__(self, probability: float) -> None:
        self._probability = probability
        self.heard: list[NDArray[np.int16]] = []

    def probability(self, pcm: NDArray[np.int16]) -> float:
        self.heard.append(pcm)
        return self._probability


def test_audio_in_pieces_is_scored_whole_once_it_is_complete() -> None:
    """The job is over then."""
    core = Core(0.25)
    job = TurnEndJobs(core).open({})
    pcm = np.arange(2000, dtype="<i2")
    job.push(pcm[:700].tobytes())
    waiting = job.urgency
    job.push(pcm[700:].tobytes())
    job.finish()
    assert (waiting, job.urgency) == (None, 0.0)
    assert job.step() == (Kind.END, {"probability": 0.25}, b"")
    assert np.array_equal(core.heard[0], pcm)


def test_no_more_is_kept_than_anybody_has_reason_to_send() -> None:
    """The newest of it."""
    job = TurnEndJob(Core(0.5))
    for _ in range(40):
        job.push(bytes(60_000))
    assert len(job._audio) == LONGEST


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_a_failure(probability: float) -> None:
    """Not passed on."""
    job = TurnEndJob(Core(probability))
    job.finish()
    with pytest.raises(EngineFailed, match="as a probability"):
        job.step()
