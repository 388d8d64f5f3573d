"""An engine's process at work: utterances, and the loop that steps jobs."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from tests.engines.remote.fake_cores import CountingRecogniser, ToneVoice
from voiceserver.engines.remote.speech_jobs import SpeechJobs
from voiceserver.engines.remote.steps import (
    STEP,
    JobLoop,
    RecognitionJob,
    RecognitionJobs,
)
from voiceserver.errors import EngineFailed
from voiceserver.processes import ipc
from voiceserver.processes.ipc import BlockingLine, Closed, Kind, Message

SECOND = np.zeros(16_000, "<i2").tobytes()


def utterance() -> RecognitionJob:
    return RecognitionJobs(CountingRecogniser(0.0)).open({})


def test_audio_is_decoded_in_steps_of_100_ms() -> None:
    """A partial only with the newest audio, the amount decoded with each."""
    job = utterance()
    assert job.urgency is None
    job.push(SECOND)
    items = [job.step() for _ in range(10)]
    assert job.urgency is None
    assert [meta["decoded"] for _, meta, _ in items] == [STEP * n for n in range(1, 11)]
    assert [text for _, _, text in items] == [b""] * 9 + [b"w0 w1 w2 w3 w4"]


def test_the_end_comes_after_all_audio() -> None:
    """With the final words."""
    job = utterance()
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


class Conversation:
    """A child that is told everything in advance, then works until we are gone."""

    def __init__(self) -> None:
        ours, theirs = ipc.pair()
        self.ours, self.theirs = BlockingLine(ours), BlockingLine(theirs)
        self._half = ours

    def tell(
        self, kind: Kind, slot: int = 0, body: bytes = b"", **meta: object
    ) -> None:
        self.ours.send(Message(kind, slot, 1 + slot, dict(meta), body))

    def phrase(self, slot: int, text: str, credit: int = 100) -> None:
        self.tell(Kind.OPEN, slot, voice="alloy", speed=1.0, credit=credit)
        self.tell(Kind.PUSH, slot, text.encode())
        self.tell(Kind.FINISH, slot)

    def answers(self) -> list[Message]:
        """Let the child work off everything; return what it said."""
        self._half.shutdown(socket.SHUT_WR)
        with pytest.raises(Closed):
            JobLoop(self.theirs, SpeechJobs(ToneVoice())).run()
        self.theirs.close()
        said: list[Message] = []
        while True:
            try:
                message = self.ours.receive()
            except Closed:
                self.ours.close()
                return said
            assert message is not None
            said.append(message)


def test_the_end_of_the_socket_ends_the_child() -> None:
    """Even with work left."""
    talk = Conversation()
    talk.phrase(0, "one two three")
    said = talk.answers()
    assert len(said) < 7  # 6 items and an end: it did not work on for nobody


def test_a_cancel_is_acknowledged_once_and_ends_the_job() -> None:
    """A second cancel, and any message for the job, is dropped."""
    talk = Conversation()
    talk.phrase(0, "one", credit=0)
    talk.tell(Kind.CANCEL)
    talk.tell(Kind.CANCEL)
    talk.tell(Kind.CREDIT, items=5)
    assert [m.kind for m in talk.answers()] == [Kind.CANCELLED]


def test_a_job_that_cannot_begin_fails() -> None:
    """A request without what it needs is an answer, not the end of the child."""
    talk = Conversation()
    talk.tell(Kind.OPEN, 0)
    talk.tell(Kind.OPEN, 1, voice="alloy", speed="fast", credit=1)
    assert [m.kind for m in talk.answers()] == [Kind.FAILED, Kind.FAILED]
