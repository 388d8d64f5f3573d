"""Speech jobs inside an engine's process."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.engines.remote.fake_cores import ToneVoice
from voiceserver.engines.base import SpeechChunk, SpeechRequest, WordMark
from voiceserver.engines.remote.synthesizer_child import (
    MAX_CHUNK,
    SpeechJob,
    SpeechJobs,
)
from voiceserver.processes.ipc import Kind, Message, encode


class Chunks:
    """A voice that gives the chunks it was made with."""

    voices = ("alloy",)

    def __init__(self, *chunks: SpeechChunk) -> None:
        self.chunks = chunks
        self.requests: list[SpeechRequest] = []

    def speak(self, request: SpeechRequest) -> Iterator[SpeechChunk]:
        self.requests.append(request)
        return iter(self.chunks)


def opened(voice: object, credit: int = 1000, text: bytes = b"hello") -> SpeechJob:
    job = SpeechJobs(voice).open({"voice": "alloy", "speed": 1.5, "credit": credit})
    job.push(text)
    job.finish()
    return job


def test_a_job_waits_without_credit() -> None:
    """And goes on with it."""
    job = opened(ToneVoice(), credit=1)
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
    """None longer than half a second, nothing lost, marks with the first."""
    samples = np.arange(30_000, dtype=np.float32)
    job = opened(Chunks(SpeechChunk(samples, (WordMark(0, 5, 0, 30_000),))))
    items = [job.step() for _ in range(3)]
    assert [len(body) // 4 for _, _, body in items] == [MAX_CHUNK, MAX_CHUNK, 6000]
    assert [meta for _, meta, _ in items] == [{"words": [[0, 5, 0, 30_000]]}, {}, {}]
    joined = np.frombuffer(b"".join(body for _, _, body in items), "<f4")
    assert (joined == samples).all()
    assert job.step() == (Kind.END, {}, b"")


def test_many_marks_fit_into_messages() -> None:
    """However many a chunk brings, and however long their numbers are."""
    marks = tuple(WordMark(n, n + 1, 10**9 + n, 10**9 + n + 1) for n in range(1000))
    job = opened(Chunks(SpeechChunk(np.zeros(2400, np.float32), marks)))
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

    job = opened(Generating())
    job.step()
    job.close()
    assert closed == [True]
