"""Recognition jobs inside an engine's process."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engines.remote.fake_cores import CountingRecogniser
from voiceserver.engines.remote.recogniser_child import (
    STEP,
    RecognitionJob,
    RecognitionJobs,
)
from voiceserver.errors import EngineFailed
from voiceserver.processes.ipc import Kind

SECOND = np.zeros(16_000, "<i2").tobytes()


def opened() -> RecognitionJob:
    return RecognitionJobs(CountingRecogniser(0.0)).open({})


def test_audio_is_decoded_in_steps_of_100_ms() -> None:
    """A partial only with the newest audio, the amount decoded with each."""
    job = opened()
    assert job.urgency is None
    job.push(SECOND)
    items = [job.step() for _ in range(10)]
    assert job.urgency is None
    assert [meta["decoded"] for _, meta, _ in items] == [STEP * n for n in range(1, 11)]
    assert [text for _, _, text in items] == [b""] * 9 + [b"w0 w1 w2 w3 w4"]


def test_the_end_comes_after_all_audio() -> None:
    """With the final words."""
    job = opened()
    job.push(SECOND[: 2 * STEP + 20])
    job.finish()
    kinds = [job.step()[0], job.step()[0]]
    assert kinds == [Kind.ITEM, Kind.ITEM]
    assert job.step() == (Kind.END, {"complete": True}, b"1610 samples")
    assert job.over


def test_a_closed_job_gives_its_place_to_the_next() -> None:
    """Which starts from nothing."""
    jobs = RecognitionJobs(CountingRecogniser(0.0))
    first = jobs.open({})
    first.push(SECOND)
    first.step()
    with pytest.raises(EngineFailed, match="one utterance"):
        jobs.open({})
    first.close()
    second = jobs.open({})
    second.finish()
    assert second.step() == (Kind.END, {"complete": True}, b"0 samples")


def test_utterances_take_turns_in_a_core_that_takes_several() -> None:
    """A block of each, whoever waited for the longest; one more is refused."""
    core = CountingRecogniser(utterances=2)
    jobs = RecognitionJobs(core)
    assert jobs.about == {"slots": 2, "language": "en"}
    first, second = jobs.open({}), jobs.open({})
    with pytest.raises(EngineFailed, match="2 utterances at a time"):
        jobs.open({})
    for job in (first, second):
        job.push(SECOND)
    stepped = []
    for _ in range(6):
        ready = [(job.urgency, at) for at, job in enumerate((first, second))]
        at = min(each for each in ready if each[0] is not None)[1]
        (first, second)[at].step()
        stepped.append(at)
    assert stepped == [0, 1, 0, 1, 0, 1]
    second.finish()
    while not second.over:
        second.step()
    assert core.open_utterances == 1
    first.close()
    first.close()
    assert core.open_utterances == 0
