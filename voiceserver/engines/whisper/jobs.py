"""Whisper's side of a recogniser process: many utterances' audio, one decode at a time.

What each wants, and who is first, is decided by ``pace``. On a GPU a decode takes
along whoever else wants one. ``load`` is what the process calls. Knows no sockets.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.engines.base import Hypothesis
from voiceserver.engines.remote.hypotheses import written
from voiceserver.engines.whisper.beliefs import VOICED_MS, agreed
from voiceserver.engines.whisper.model import Asked, Decoded, WhisperModel
from voiceserver.engines.whisper.pace import LONGEST, Pace, Room, Want, capacity
from voiceserver.engines.words import words_of
from voiceserver.errors import EngineFailed
from voiceserver.processes.ipc import Kind, Meta
from voiceserver.weights.catalogue import MODELS
from voiceserver.weights.place import model_folder

MODEL = "whisper-base"
BATCH = 16  # utterances in one pass of a GPU
GATHER_S = 0.006  # that a GPU waits for more of them
TOLD_EVERY = MIC_RATE // 2  # samples taken until the parent is told, which may send 2 s
CUT_WINDOW = MIC_RATE // 4  # samples; a pause between words lasts about so long
Step = tuple[Kind, Meta, bytes]


class Model(Protocol):
    """What decodes."""

    @property
    def device(self) -> str:
        """``"cpu"`` or ``"cuda"``."""

    @property
    def multilingual(self) -> bool:
        """Whether it hears more than English."""

    def decode(self, asked: Sequence[Asked]) -> list[Decoded]:
        """Decode some utterances in one pass."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What holds for an utterance that asks for nothing else.

    Attributes:
        language: As Whisper names it, or ``"auto"``.
        words: To be expected, ``""`` for none.
        known: All words with which callers say what the place can do; none if it can
            do anything.
    """

    language: str = "en"
    words: str = ""
    known: frozenset[str] = frozenset()


class WhisperJobs:
    """The recogniser of a process: its ``ChildJobs``.

    Args:
        model: Decodes.
        speakers: Utterances at a time.
        usual: What holds where nothing else is asked for.
        clock: Monotonic seconds.
        batch: Utterances in one pass.
        at_ease: Utterances at a time whose words are not late; 0 is all.
    """

    def __init__(
        self,
        model: Model,
        speakers: int,
        usual: Usual,
        clock: Callable[[], float] = time.monotonic,
        batch: int = 1,
        at_ease: int = 0,
    ) -> None:
        self._model = model
        self._at_ease = min(at_ease or speakers, speakers)
        self._speakers = speakers
        self._usual = usual
        self._clock = clock
        self._batch = batch
        self._room = Room()
        self._jobs: list[WhisperJob] = []

    @property
    def about(self) -> Meta:
        """How many utterances it takes at a time, at ease, and their language."""
        language = self._usual.language
        return {
            "slots": self._speakers,
            "at_ease": self._at_ease,
            "language": language if language != "auto" else "",
            "device": self._model.device,
        }

    @property
    def gather_s(self) -> float:
        """How long more utterances are waited for before a decode."""
        waiting = sum(job.wants_decode for job in self._jobs)
        alone = len(self._jobs) < 2
        return 0.0 if alone or self._batch == 1 or not waiting else GATHER_S

    def open(self, meta: Meta) -> WhisperJob:
        """Begin an utterance.

        Raises:
            EngineFailed: If as many as it takes are open already.
        """
        self._jobs = [job for job in self._jobs if not job.over]
        if len(self._jobs) >= self._speakers:
            raise EngineFailed("whisper", f"{self._speakers} utterances at a time")
        language = _language(str(meta.get("language", "")), self._usual.language)
        asked = Usual(
            language,
            str(meta.get("prompt", "")) or self._usual.words,
            self._usual.known if language == self._usual.language else frozenset(),
        )
        pace = Pace(overlap=bool(meta.get("overlap")), whole=bool(meta.get("whole")))
        job = WhisperJob(self, pace, asked, bool(meta.get("timed")))
        self._jobs.append(job)
        return job

    def interval(self) -> int | None:
        """New samples between partials, as the core has room for."""
        return self._room.interval(self._clock())

    def now_s(self) -> float:
        """The clock."""
        return self._clock()

    def decode(self, first: WhisperJob) -> None:
        """Decode for a job, and for others that want it as well."""
        self._jobs = [job for job in self._jobs if not job.over]
        others = [job for job in self._jobs if job is not first and job.wants_decode]
        others.sort(key=lambda job: job.urgency or 0.0)
        some = [first, *others[: self._batch - 1]]
        began_s = self._clock()
        passes = [job.begin() for job in some]
        found = self._model.decode([asked for asked, _ in passes])
        for job, (_, span), one in zip(some, passes, found, strict=True):
            job.take(one, span)
        now_s = self._clock()
        self._room.worked(now_s, now_s - began_s)


@dataclass(frozen=True, slots=True)
class Span:
    """What a decode heard.

    Attributes:
        begin, end: Samples.
        want: Why it was done.
        last_voice: As it stood then.
        pushed: As it stood then.
        cut: The segment ends where it ended.
    """

    begin: int
    end: int
    want: Want
    last_voice: int
    pushed: int
    cut: bool = False


class WhisperJob:
    """One utterance: its ``ChildJob``.

    Attributes:
        over: It ended, or was stopped.
    """

    def __init__(
        self, jobs: WhisperJobs, pace: Pace, asked: Usual, timed: bool
    ) -> None:
        self.over = False
        self._jobs = jobs
        self._pace = pace
        self._asked = asked
        self._timed = timed
        self._audio = bytearray()  # int16, from ``_kept`` on
        self._kept = 0
        self._told = 0  # samples that the parent knows were taken
        self._wanted: Want | None = None
        self._since_s = 0.0
        self._hypothesis = Hypothesis()  # of the open segment
        self._words = ""  # of its last decode
        self._shown = ""  # of those, in which two decodes agreed
        self._ready: deque[tuple[Meta, bytes]] = deque()

    @property
    def urgency(self) -> float | None:
        """By what it wants, then by how long it has wanted that."""
        want = self._want()
        if want is not self._wanted:
            self._wanted, self._since_s = want, self._jobs.now_s()
        untold = self._pace.pushed - self._told
        if self._ready or (want is None and untold >= TOLD_EVERY):
            return -1.0
        return None if want is None else want * 1e9 + self._since_s

    @property
    def wants_decode(self) -> bool:
        """Whether the model is needed for what it wants."""
        return not self.over and not self._ready and (self._want() or 0) > Want.ANSWER

    def _want(self) -> Want | None:
        return None if self.over else self._pace.want(self._jobs.interval())

    def push(self, body: bytes) -> None:
        """Take audio: 16 kHz, int16, little-endian."""
        self._audio += body
        self._pace.pushed += len(body) // 2

    def note(self, meta: Meta) -> None:
        """Take where the last voice ended (``voiced``, samples)."""
        until = meta.get("voiced")
        if isinstance(until, int):
            self._pace.voice(until)

    def finish(self) -> None:
        """That was all the audio."""
        self._pace.complete = True

    def credit(self, items: int) -> None:
        """Not needed: the parent bounds what it sends."""

    def step(self) -> Step:
        """Decode, tell what is known, or end."""
        if not self._ready and self.wants_decode:
            self._jobs.decode(self)
        if self._ready:
            about, body = self._ready.popleft()
            return Kind.ITEM, self._taken() | about, body
        want = self._want()
        if want is Want.ANSWER and self._pace.complete:
            self.close()
            return Kind.END, *written(replace(self._hypothesis, final=True))
        if want is Want.ANSWER:
            about, body = self._settle(self._pace.pause_at)
            return Kind.ITEM, self._taken() | about, body
        return Kind.ITEM, self._taken(), b""

    def close(self) -> None:
        """Stop; may be called again."""
        self.over = True
        self._audio.clear()
        self._ready.clear()

    def begin(self) -> tuple[Asked, Span]:
        """What is to be decoded now."""
        pace = self._pace
        want = self._want() or Want.PARTIAL
        begin, end, cut = pace.begin, pace.end, pace.too_long
        if cut:
            end = begin + quietest(self._samples(begin, begin + LONGEST))
        span = Span(begin, end, want, pace.last_voice, pace.pushed, cut)
        asked = Asked(
            self._samples(begin, end),
            self._asked.language,
            self._asked.words,
            self._timed,
            last=want in (Want.FINAL, Want.SPECULATIVE),
            known=self._asked.known,
        )
        return asked, span

    def take(self, found: Decoded, span: Span) -> None:
        """Take what was decoded; it is told by the next step."""
        pace = self._pace
        hypothesis = self._believed(found, span)
        if span.cut:
            self._hypothesis = hypothesis
            self._ready.append(self._settle(span.end))
            return
        pace.heard(span.last_voice, span.pushed, span.want)
        before, self._words = self._words, hypothesis.text
        self._hypothesis = hypothesis
        if pace.complete and pace.fresh:
            return  # the end is told at once
        about, body = written(hypothesis)
        if span.want is Want.PARTIAL:
            # What was agreed stands until it is decoded to its end.
            self._shown = max(
                self._shown, agreed(before, hypothesis.text), key=_n_words
            )
            shown = Hypothesis(self._shown, language=hypothesis.language, behind=True)
            about, body = written(shown)
        else:
            about["covered"] = span.last_voice
        self._ready.append((about, body))

    def _believed(self, found: Decoded, span: Span) -> Hypothesis:
        at_s = span.begin / MIC_RATE
        if not found.text or not found.believed:
            voiced_ms = self._pace.speech * 1000 // MIC_RATE
            doubtful = words_of(found.text) if self._pace.overlap else ""
            return Hypothesis(unsure=voiced_ms > VOICED_MS, doubtful=doubtful)
        timed = tuple(
            replace(word, start_s=word.start_s + at_s, end_s=word.end_s + at_s)
            for word in found.timed
        )
        return Hypothesis(
            found.text, language=found.language, logprob=found.logprob, timed=timed
        )

    def _settle(self, at: int) -> tuple[Meta, bytes]:
        """What was decoded stands; a new segment begins."""
        about, body = written(self._hypothesis)
        at = min(at, self._pace.pushed)
        self._pace.settle(at)
        self._hypothesis, self._words, self._shown = Hypothesis(), "", ""
        del self._audio[: 2 * (at - self._kept)]
        self._kept = at
        return about | {"settled": at}, body

    def _taken(self) -> Meta:
        self._told = self._pace.pushed
        return {"decoded": self._told}

    def _samples(self, begin: int, end: int) -> Samples:
        raw = self._audio[2 * (begin - self._kept) : 2 * (end - self._kept)]
        samples: Samples = np.frombuffer(bytes(raw), "<i2").astype(np.float32)
        samples /= 32768
        return samples


def _n_words(text: str) -> int:
    return len(text.split())


def quietest(samples: Samples) -> int:
    """Where a segment that is too long is cut: in the quietest place of its end.

    Args:
        samples: Shape ``(n,)``, more than two windows.
    """
    half = len(samples) // 2
    sums = np.cumsum(samples[half:].astype(np.float64) ** 2)
    at = int((sums[CUT_WINDOW:] - sums[:-CUT_WINDOW]).argmin())
    return half + at + CUT_WINDOW // 2


def _language(asked: str, usual: str) -> str:
    """As Whisper names it: ``"pt-BR"`` is ``"pt"``."""
    return (asked or usual).replace("_", "-").split("-")[0].lower()


def _texts(given: object) -> list[str]:
    return [*map(str, given)] if isinstance(given, list | tuple) else []


def find_model(named: str) -> Path:
    """Folder of a model: one of the catalogue, or any that is named by its path.

    Raises:
        EngineFailed: If it is not there; says what to do.
    """
    folder = Path(named or MODEL).expanduser()
    if (folder / "model.bin").is_file():
        return folder
    # A relative name was taken for a path of the settings' folder.
    if folder.name in {model.name for model in MODELS}:
        return model_folder(folder.name)
    names = ", ".join(m.name for m in MODELS if m.name.startswith("whisper"))
    cure = f"[recogniser] model is a folder that has one, or one of: {names}"
    raise EngineFailed("whisper", f"no model.bin in {folder}; {cure}")


def load(settings: dict[str, object]) -> WhisperJobs:
    """Load the model and decode something, so that the first caller is served.

    Args:
        settings: ``"model"``: a name of the catalogue, or a folder; ``"language"``,
            ``"words"``, ``"known"``; ``"device"`` and ``"speakers"`` of ``[whisper]``.

    Raises:
        EngineFailed: If the model is missing or unusable; says what to do.
    """
    model = WhisperModel(
        find_model(str(settings.get("model") or "")),
        str(settings.get("device") or "auto"),
    )
    noise = np.random.default_rng(1).normal(0, 0.03, MIC_RATE).astype(np.float32)
    model.decode([Asked(noise)])
    usual = Usual(
        _language(str(settings.get("language") or ""), "en"),
        ", ".join(_texts(settings.get("words"))),
        frozenset(_texts(settings.get("known"))),
    )
    speakers = settings.get("speakers")
    most = speakers if isinstance(speakers, int) else 16
    if model.device == "cuda":
        return WhisperJobs(model, most, usual, batch=BATCH)
    return WhisperJobs(model, most, usual, at_ease=capacity(model.cost_s()))
