"""Phrases inside a voice's process: whose step is next, and audio by credit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.engines.remote.fake_cores import ToneVoice
from voiceserver.engines.base import SpeechChunk, SpeechRequest, WordMark
from voiceserver.engines.remote.speech_jobs import MAX_CHUNK, SpeechJob, SpeechJobs
from voiceserver.engines.words import SaidAs
from voiceserver.processes.ipc import Kind, Message, Meta, encode


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
    assert urgencies == [0, None, 0]


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


def test_phones_of_words_come_one_by_one() -> None:
    """Before the text is complete, which is when it is spoken."""
    voice = Chunks()
    job = SpeechJobs(voice).open({"voice": "alloy", "speed": 1.5, "credit": 1})
    job.note({"said": [0, 1, "AH0"]})
    job.push(b"a b")
    job.note({"said": [2, 3, "B IY1"]})
    job.finish()
    assert voice.requests[0].said == (SaidAs(0, 1, "AH0"), SaidAs(2, 3, "B IY1"))


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


@dataclass
class Bench:
    """A voice of half seconds, whose steps take as long as is said."""

    step_s: float = 0.03

    def __post_init__(self) -> None:
        self.now_s = 100.0
        self.jobs = SpeechJobs(self, lambda: self.now_s)
        self.voices = ("alloy",)
        self.named: dict[str, SpeechJob] = {}

    def speak(self, _request: SpeechRequest) -> Iterator[SpeechChunk]:
        """A second and a half."""
        for _ in range(3):
            self.now_s += self.step_s
            yield SpeechChunk(np.zeros(12_000, np.float32))

    def asks(self, name: str, **meta: object) -> None:
        """Somebody wants a phrase."""
        job = self.jobs.open({"voice": "alloy", "speed": 1.0, "credit": 9, **meta})
        job.finish()
        self.named[name] = job

    def step(self) -> str:
        """Take the next step; return whose it was."""
        ready = [
            (job.urgency, n, name)
            for n, (name, job) in enumerate(self.named.items())
            if job.urgency is not None
        ]
        name = min(ready)[2]
        if self.named[name].step()[0] is Kind.END:
            del self.named[name]
        return name


def test_who_waits_in_silence_is_served_before_who_listens() -> None:
    """And before who has something to listen to when a phrase is asked for."""
    bench = Bench()
    bench.asks("follows", within_s=2.0)
    bench.asks("silent", within_s=0.3)
    assert bench.step() == "silent"
    bench.asks("another", within_s=0.3)
    assert [bench.step() for _ in range(2)] == ["another", "follows"]


def test_of_those_who_listen_the_one_with_the_least_left_is_next() -> None:
    """By when what was given has been played."""
    bench = Bench()
    for name in ("a", "b"):
        bench.asks(name, within_s=0.1)
        assert bench.step() == name
        bench.now_s += 0.2
    assert [bench.step() for _ in range(4)] == ["a", "b", "a", "b"]


def test_what_is_made_for_a_file_waits_for_calls() -> None:
    """It is nobody's silence."""
    bench = Bench()
    bench.asks("file", paced=False)
    assert bench.step() == "file"
    bench.asks("call", within_s=0.1)
    assert [bench.step() for _ in range(4)] == ["call"] * 4
    assert bench.step() == "file"


def test_a_phrase_that_is_late_is_spoken_all_the_same() -> None:
    """Whoever asked for it has limits of his own."""
    bench = Bench(step_s=0.5)
    for name in ("a", "b", "c"):
        bench.asks(name, within_s=0.1)
    assert sorted(bench.step() for _ in range(3)) == ["a", "b", "c"]


def test_a_phrase_that_is_closed_is_nobodys_turn() -> None:
    """The next one's is."""
    bench = Bench()
    bench.asks("gone", within_s=0.1)
    bench.asks("there", within_s=0.3)
    bench.named.pop("gone").close()
    assert bench.step() == "there"
