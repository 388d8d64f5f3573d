"""eSpeak NG as a speech core: small, quick, robotic; the voice of last resort.

Runs inside a speech process (``load`` is its factory). Speaks a piece of text in a
thread that the library's lock holds for some tens of milliseconds, converts 22,050 to
24,000 Hz, trims silence, levels the voices and tells where each word sounds.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from voiceserver.audio import SPEECH_RATE, Resampler, Samples, from_int16
from voiceserver.engines.base import SpeechChunk, SpeechRequest, WordMark
from voiceserver.engines.espeak.library import Block, Library, Sound, library
from voiceserver.engines.espeak.text import plain
from voiceserver.engines.opened import speaks_own
from voiceserver.engines.polyglot import find_language
from voiceserver.errors import EngineFailed
from voiceserver.languages import named
from voiceserver.phrases import pieces, speakable

WORDS_PER_MINUTE = 170  # at speed 1
SLOWEST, FASTEST = 80, 700  # words per minute it can do; beyond it stays there

QUIET = 0.004  # amplitude below which a sample is silence, -48 dB
LEAD_S = 0.005  # kept of the silence before the first sound
SENTENCE_PAUSE_S = 0.2  # kept of the silence after a sentence
CLAUSE_PAUSE_S = 0.08  # after anything else
_KNEE = 0.8  # amplitude above which peaks are rounded off

_TOKEN = re.compile(r"\S+")
_SENTENCE = re.compile(r"[.!?\u2026][\"'\u2019\u201d)]*\s*$")


@dataclass(frozen=True, slots=True)
class EspeakTimbre:
    """One of the voices.

    Attributes:
        variant: eSpeak's language and variant.
        pitch: 0 to 100; 50 is the variant's own.
        pitch_range: 0 to 100.
        gain: Factor that brings it to -23 LUFS; measured by
            ``scripts/espeak_loudness.py`` on four sentences.
    """

    variant: str
    pitch: int = 50
    pitch_range: int = 50
    gain: float = 1.0


# The published table: OpenAI's names, then eSpeak's own variants.
TIMBRES: dict[str, EspeakTimbre] = {
    "alloy": EspeakTimbre("en-us+f2", 45, 55, 0.67),
    "ash": EspeakTimbre("en-us+m3", 45, 55, 0.79),
    "ballad": EspeakTimbre("en-us+m1", 55, 70, 0.86),
    "coral": EspeakTimbre("en-us+f4", 55, 65, 0.62),
    "echo": EspeakTimbre("en-us+m2", 50, 50, 0.92),
    "sage": EspeakTimbre("en-us+f5", 40, 45, 0.83),
    "shimmer": EspeakTimbre("en-us+f3", 60, 60, 0.69),
    "verse": EspeakTimbre("en-us+m6", 50, 65, 0.80),
    "marin": EspeakTimbre("en-us+f1", 50, 60, 0.66),
    "cedar": EspeakTimbre("en-us+m8", 40, 50, 1.42),
    "fable": EspeakTimbre("en-us+m4", 50, 65, 0.77),
    "nova": EspeakTimbre("en-us+f2", 60, 65, 0.62),
    "onyx": EspeakTimbre("en-us+m7", 30, 45, 0.77),
    "espeak": EspeakTimbre("en-us", gain=0.79),
    "espeak-f1": EspeakTimbre("en-us+f1", gain=0.67),
    "espeak-f2": EspeakTimbre("en-us+f2", gain=0.65),
    "espeak-f3": EspeakTimbre("en-us+f3", gain=0.73),
    "espeak-f4": EspeakTimbre("en-us+f4", gain=0.65),
    "espeak-f5": EspeakTimbre("en-us+f5", gain=0.78),
    "espeak-m1": EspeakTimbre("en-us+m1", gain=0.90),
    "espeak-m2": EspeakTimbre("en-us+m2", gain=0.92),
    "espeak-m3": EspeakTimbre("en-us+m3", gain=0.77),
    "espeak-m4": EspeakTimbre("en-us+m4", gain=0.78),
    "espeak-m5": EspeakTimbre("en-us+m5", gain=0.85),
    "espeak-m6": EspeakTimbre("en-us+m6", gain=0.81),
    "espeak-m7": EspeakTimbre("en-us+m7", gain=0.70),
    "espeak-m8": EspeakTimbre("en-us+m8", gain=1.35),
}


def load(settings: dict[str, object]) -> EspeakVoice:
    """Load the library and speak a word, which reads its dictionary.

    Args:
        settings: None are known.

    Raises:
        EngineFailed: If the library is missing; says what to install.
    """
    voice = EspeakVoice(library())
    for _chunk in voice.speak(SpeechRequest("Ready.")):
        pass
    return voice


class EspeakVoice:
    """A ``SpeechCore``: every phrase may be spoken beside others."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._languages = library.languages()

    @property
    def voices(self) -> tuple[str, ...]:
        """All names of the table."""
        return tuple(TIMBRES)

    @property
    def languages(self) -> tuple[str, ...]:
        """What a request may be in: eSpeak's tags."""
        return tuple(self._languages)

    def speak(self, request: SpeechRequest) -> Generator[SpeechChunk, None, None]:
        """Speak a phrase of any length; nothing speakable gives nothing.

        Raises:
            EngineFailed: If there is no such voice or language, or the library
                refuses.
        """
        timbre = TIMBRES.get(request.voice)
        if timbre is None:
            names = ", ".join(TIMBRES)
            raise EngineFailed("espeak", f"no voice {request.voice!r}; one of: {names}")
        text = plain(request.text)
        if not speakable(text):
            return
        speed = min(max(round(WORDS_PER_MINUTE * request.speed), SLOWEST), FASTEST)
        sound = Sound(
            self._variant(timbre, request.language),
            speed,
            timbre.pitch,
            timbre.pitch_range,
        )
        track = _Track(self._library.sample_rate, timbre.gain, text)
        for start, piece in pieces(text):
            track.begin(start)
            work = _Work(self._library, piece, sound)
            try:
                while blocks := work.take():
                    chunk = track.add(blocks)
                    if chunk is not None:
                        yield chunk
            finally:
                work.stop()
        last = track.end(_pause_s(text))
        if last is not None:
            yield last

    def _variant(self, timbre: EspeakTimbre, language: str) -> str:
        """A timbre in a language."""
        if speaks_own(language):
            return timbre.variant
        found = find_language(language, tuple(self._languages))
        if found is None:
            raise EngineFailed("espeak", f"it does not speak {named(language)}")
        _, plus, variant = timbre.variant.partition("+")
        return f"{self._languages[found]}{plus}{variant}"


def _pause_s(text: str) -> float:
    return SENTENCE_PAUSE_S if _SENTENCE.search(text) else CLAUSE_PAUSE_S


class _Work:
    """One piece of text being spoken by a thread of its own.

    The thread never waits for whoever takes the audio, so the library is free again
    after at most the longest piece, whatever becomes of the taker. The queue needs no
    bound but that piece: some 20 s, 1 MB.
    """

    def __init__(self, library: Library, text: str, sound: Sound) -> None:
        self._blocks: queue.SimpleQueue[Block | EngineFailed | None] = (
            queue.SimpleQueue()
        )
        self._stopped = False
        thread = threading.Thread(
            target=self._run, args=(library, text, sound), name="espeak", daemon=True
        )
        thread.start()

    def take(self) -> list[Block]:
        """Wait for audio and return all there is; empty at the end.

        Raises:
            EngineFailed: If the library refused.
        """
        taken: list[Block] = []
        while True:
            block = self._blocks.get()
            if isinstance(block, EngineFailed):
                raise block
            if block is None:
                # Told again to whoever asks next.
                self._blocks.put(None)
                return taken
            taken.append(block)
            if self._blocks.empty():
                return taken

    def stop(self) -> None:
        """Stop within one callback."""
        self._stopped = True

    def _run(self, library: Library, text: str, sound: Sound) -> None:
        try:
            if not self._stopped:
                library.speak(text, sound, self._heard)
        except EngineFailed as error:
            self._blocks.put(error)
        self._blocks.put(None)

    def _heard(self, block: Block) -> bool:
        self._blocks.put(block)
        return not self._stopped


class _Track:
    """The audio of a phrase: trimmed, levelled, converted, with its words placed."""

    def __init__(self, source_rate: int, gain: float, text: str) -> None:
        self._rate = source_rate
        self._gain = gain
        self._resampler = Resampler(source_rate, SPEECH_RATE)
        self._tokens = [
            found.span() for found in _TOKEN.finditer(text) if speakable(found[0])
        ]
        self._begun: list[tuple[int, int]] = []  # characters and samples of words
        self._token = -1  # the last one that was placed
        self._placed: tuple[int, int, int] | None = None  # it: start, end, sample
        self._offset = 0  # of the piece, in the text
        self._before = 0  # source samples of earlier pieces
        self._seen = 0  # source samples so far
        self._skipped: int | None = None  # source samples trimmed; None: no sound yet
        self._held = np.zeros(0, np.float32)  # silence that may be the end
        self._marks: list[WordMark] = []  # not given yet

    def begin(self, offset: int) -> None:
        """A piece of the text begins."""
        self._offset = offset
        self._before = self._seen

    def add(self, blocks: list[Block]) -> SpeechChunk | None:
        """Take audio and words; return what can be given."""
        for block in blocks:
            self._begun += [
                (self._offset + character, self._before + sample)
                for character, sample in block.words
            ]
        pcm = np.frombuffer(b"".join(block.pcm for block in blocks), np.int16)
        self._seen += len(pcm)
        line = np.concatenate([self._held, from_int16(pcm)])
        loud = np.flatnonzero(np.abs(line) > QUIET)
        if len(loud) == 0:
            self._held = line
            return None
        first = 0
        if self._skipped is None:
            first = max(0, int(loud[0]) - round(LEAD_S * self._rate))
            self._skipped = first
        end = int(loud[-1]) + 1
        self._held = line[end:]
        return self._given(self._resampler.push(line[first:end]), self._words())

    def end(self, pause_s: float) -> SpeechChunk | None:
        """Return the rest, with so much of the silence after the last word."""
        if self._skipped is None:
            return None
        marks = [*self._words(), *self._close(self._seen - len(self._held))]
        pause = self._held[: round(pause_s * self._rate)]
        tail = np.concatenate([self._resampler.push(pause), self._resampler.flush()])
        return self._given(tail, marks)

    def _given(self, samples: Samples, marks: list[WordMark]) -> SpeechChunk | None:
        self._marks += marks
        if len(samples) == 0:
            return None  # marks travel with audio
        marks, self._marks = self._marks, []
        return SpeechChunk(_rounded(samples * self._gain), tuple(marks))

    def _words(self) -> list[WordMark]:
        """Marks of the words that are over, as those after them begin."""
        marks = []
        for character, sample in self._begun:
            at = self._find(character)
            if at > self._token:
                marks += self._close(sample)
                self._token = at
                self._placed = (*self._tokens[at], sample)
        self._begun.clear()
        return marks

    def _close(self, sample: int) -> list[WordMark]:
        if self._placed is None:
            return []
        start, end, began = self._placed
        self._placed = None
        pts = self._pts(began)
        return [WordMark(start, end, pts, max(pts, self._pts(sample)))]

    def _pts(self, sample: int) -> int:
        source = max(0, sample - (self._skipped or 0))
        return round(source * SPEECH_RATE / self._rate)

    def _find(self, character: int) -> int:
        """Index of the word at a place of the text, or of the next one after it.

        A dash or bullet before a word begins it, as far as the library is concerned.
        """
        at = max(0, self._token)
        while at + 1 < len(self._tokens) and self._tokens[at][1] <= character:
            at += 1
        return at


def _rounded(samples: Samples) -> Samples:
    """Round peaks off instead of clipping them."""
    size = np.abs(samples)
    if float(size.max(initial=0)) <= _KNEE:
        return samples
    room = 1 - _KNEE
    soft = _KNEE + room * np.tanh((size - _KNEE) / room)
    return np.where(size > _KNEE, np.copysign(soft, samples), samples)
