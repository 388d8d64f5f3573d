"""An engine's process at work: utterances, phrases, and the loop that steps them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from tests.engines.remote.fake_cores import CountingRecogniser, ToneVoice
from voiceserver.engines.base import SpeechChunk, SpeechRequest, WordMark
from voiceserver.engines.remote.steps import (
    MAX_CHUNK,
    STEP,
    JobLoop,
    RecognitionJob,
    RecognitionJobs,
    SpeechJob,
    SpeechJobs,
)
from voiceserver.errors import EngineFailed
from voiceserver.processes import ipc
from voiceserver.processes.ipc import BlockingLine, Closed, Kind, Message, Meta, encode

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


class Chunks:
    """A voice that gives the chunks it was made with."""

    voices = ("alloy",)

    def __init__(self, *chunks: SpeechChunk) -> None:
        self.chunks = chunks
        self.requests: list[SpeechRequest] = []

    def speak(self, request: SpeechRequest) -> Iterator[SpeechChunk]:
        self.requests.append(request)
        return iter(self.chunks)


def phrase(voice: object, credit: int = 1000, text: bytes = b"hello") -> SpeechJob:
    job = SpeechJobs(voice).open({"voice": "alloy", "speed": 1.5, "credit": credit})
    job.push(text)
    job.finish()
    return job


def test_a_job_waits_without_credit() -> None:
    """And goes on with it."""
    job = phrase(ToneVoice(), credit=1)
    urgencies = [job.urgency]
    assert job.step()[0] is Kind.ITEM
    urgencies.append(job.urgency)
    job.credit(1)
    urgencies.append(job.urgency)
    assert urgencies == [0, None, 0.1]  # seconds given


def test_a_job_without_its_text_waits() -> None:
    """Text may come in several messages, cut within a character."""
    voice = Chunks()
    job = SpeechJobs(voice).open({"voice": "alloy", "speed": 1.5, "credit": 1})
    raw = "caf\u00e9".encode()
    job.push(raw[:-1])
    assert job.urgency is None
    job.push(raw[-1:])
    job.finish()
    assert voice.requests == [SpeechRequest("caf\u00e9", "alloy", 1.5)]


def test_a_job_knows_whether_it_is_played_as_it_is_made() -> None:
    """It is, where nobody says."""
    voice = Chunks()
    for said in ({"paced": False}, {"paced": True}, {}):
        job = SpeechJobs(voice).open({"voice": "a", "speed": 1.0, "credit": 1, **said})
        job.push(b"hello")
        job.finish()
    assert [r.paced for r in voice.requests] == [False, True, True]


def test_a_long_chunk_is_several_messages() -> None:
    """None longer than half a second, nothing lost, the rest with the first."""
    samples = np.arange(30_000, dtype=np.float32)
    job = phrase(Chunks(SpeechChunk(samples, (WordMark(0, 5, 0, 30_000),), 2)))
    items = [job.step() for _ in range(3)]
    assert [len(body) // 4 for _, _, body in items] == [MAX_CHUNK, MAX_CHUNK, 6000]
    first: Meta = {"words": [[0, 5, 0, 30_000]], "left_out": 2}
    assert [meta for _, meta, _ in items] == [first, {}, {}]
    joined = np.frombuffer(b"".join(body for _, _, body in items), "<f4")
    assert (joined == samples).all()
    assert job.step() == (Kind.END, {}, b"")


def test_many_marks_fit_into_messages() -> None:
    """However many a chunk brings, and however long their numbers are."""
    marks = tuple(WordMark(n, n + 1, 10**9 + n, 10**9 + n + 1) for n in range(1000))
    job = phrase(Chunks(SpeechChunk(np.zeros(2400, np.float32), marks)))
    rows: list[object] = []
    n_samples = 0
    while (item := job.step())[0] is Kind.ITEM:
        encode(Message(*item[:1], 0, 1, item[1], item[2]))
        words = item[1].get("words", [])
        assert isinstance(words, list)
        rows += words
        n_samples += len(item[2]) // 4
    assert n_samples == 2400
    assert len(rows) == 1000


def test_closing_stops_the_voice() -> None:
    """Its iterator is closed."""
    closed = []

    def chunks() -> Iterator[SpeechChunk]:
        try:
            yield SpeechChunk(np.zeros(10, np.float32))
            yield SpeechChunk(np.zeros(10, np.float32))
        finally:
            closed.append(True)

    class Generating(Chunks):
        def speak(self, request: SpeechRequest) -> Iterator[SpeechChunk]:
            return chunks()

    job = phrase(Generating())
    job.step()
    job.close()
    assert closed == [True]


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
