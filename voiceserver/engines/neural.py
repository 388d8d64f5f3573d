"""The server's own neural voice as a speech core (``load`` is its factory).

Gives the voices their names, sizes and loudness, and a phrase its pauses; everything
else is ``voiceserver.voice``. A voice of another size is the trained one played back
at another rate, with pitch and speed set so that only the size of the speaker
changes: exactly what a network trained on resampled recordings would imitate.
"""

from __future__ import annotations

import logging
import re
import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from voiceserver.audio import SPEECH_RATE, Resampler, Samples
from voiceserver.engines.base import SpeechChunk, SpeechRequest, WordMark
from voiceserver.engines.words import SaidAs
from voiceserver.errors import EngineFailed
from voiceserver.phrases import pieces
from voiceserver.voice.plan import Manner
from voiceserver.voice.speaker import Piece, Voice, load_voice
from voiceserver.voice.weights import WeightsError
from voiceserver.voice.words.own_words import Said
from voiceserver.voice.words.phones import INDEX

_log = logging.getLogger(__name__)

# Frames of a chunk. Small at first: speech begins early. Not large later: other
# phrases wait for a step to end.
CHUNKS = (16, 48, 128)
WHOLE = (10_000,)  # for nobody who listens: a clause at a time, a third faster
MODELS = "models/voice"


# The speakers of the voice that comes along (models/voice/CARD.md says who they are).
HEART, KUMO, KATHLEEN = "heart", "kumo", "kathleen"


@dataclass(frozen=True, slots=True)
class Timbre:
    """One of the voices.

    Attributes:
        speaker: Name of the trained speaker; of a model that lacks it, the first.
        size: Rate at which the trained voice is played back; below 1 a larger
            speaker with a deeper voice. A multiple of 0.05.
        pitch: Semitones, beside what the size brings.
        pitch_range: Factor on the swing of F0.
        speed: Speaking rate beside what is asked for.
        temperature: Spread of the prosody drawn.
        gain_db: Brings the voice to the loudness of the others; no more than what
            its peaks leave room for.
    """

    speaker: str = HEART
    size: float = 1.0
    pitch: float = 0.0
    pitch_range: float = 1.0
    speed: float = 1.0
    temperature: float = 0.75
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Style:
    """How a style differs from the plain voice.

    Attributes:
        pitch: Semitones.
        pitch_range: Factor on the swing of F0.
        speed: Factor on the speaking rate.
        energy_db: Effort.
        whispered: Without voice.
    """

    pitch: float = 0.0
    pitch_range: float = 1.0
    speed: float = 1.0
    energy_db: float = 0.0
    whispered: bool = False


PLAIN = Style()
# Drawing at less than the full temperature is safer and flatter: this brings the
# spread of F0 back to nine tenths of the speaker's.
WIDER = 1.1

# The published table: OpenAI's names, and the human reader's own.
TIMBRES: dict[str, Timbre] = {
    "alloy": Timbre(HEART, gain_db=-0.5),
    "ash": Timbre(KUMO, gain_db=1.75),
    "ballad": Timbre(KATHLEEN, 0.85, -2.0, 1.2, 0.95, gain_db=0.75),
    "cedar": Timbre(KUMO, 0.85, -1.5, 1.0, 0.97, gain_db=2.25),
    "coral": Timbre(HEART, 1.2, -2.0, 1.1, gain_db=-0.25),
    "echo": Timbre(KUMO, 1.1, gain_db=1.5),
    "fable": Timbre(KATHLEEN, 1.1, 3.0, 1.1, gain_db=0.25),
    "marin": Timbre(HEART, 0.9, 1.0, gain_db=-0.25),
    "nova": Timbre(HEART, 1.1, 3.0, 1.2, 1.05, gain_db=-0.75),
    "onyx": Timbre(KUMO, 0.9, -3.0, 0.9, 0.95, gain_db=2.0),
    "sage": Timbre(HEART, 0.85, -3.5, 0.9, 0.95, gain_db=0.5),
    "shimmer": Timbre(KATHLEEN, 1.2, -1.0, 1.2, gain_db=0.25),
    "verse": Timbre(KUMO, 1.2, 5.0, 1.2, gain_db=0.75),
    "kathleen": Timbre(KATHLEEN, gain_db=0.25),
}


# Presets named as MAI-Voice-1's styles. The corpus is read by one speaker in one mood:
# these change pitch, pace, effort and texture, and act nothing.
MANNERS: dict[str, Style] = {
    "joy": Style(pitch=1.5, pitch_range=1.35, speed=1.05, energy_db=1.5),
    "empathy": Style(pitch=-0.5, pitch_range=0.85, speed=0.9, energy_db=-2.0),
    "sad": Style(pitch=-1.5, pitch_range=0.6, speed=0.85, energy_db=-3.0),
    "excited": Style(pitch=2.5, pitch_range=1.6, speed=1.15, energy_db=3.0),
    "whispered": Style(speed=0.95, whispered=True),
}


def find_models(folder: str) -> Path:
    """Find the folder of the voice: as configured, in the package or the checkout.

    Raises:
        EngineFailed: If there is none; says where it was sought.
    """
    package = Path(__file__).resolve().parent.parent
    sought = [Path(folder)] if folder else [package / MODELS, package.parent / MODELS]
    for path in sought:
        if path.is_dir():
            return path
    places = " or ".join(map(str, sought))
    raise EngineFailed(
        "neural",
        f"there is no voice in {places}; set speech.model to the folder of one, or "
        'engines.speech to "espeak"',
    )


def load(settings: dict[str, object]) -> NeuralVoice:
    """Load the voice and speak a word, which warms all parts up.

    Args:
        settings: ``"model"``: folder of the voice, "" for the one that comes along;
            ``"lexicon"``: an operator's file of words, "" for none.

    Raises:
        EngineFailed: If it is missing or damaged; says what to do.
    """
    # One core: threads within an operator gain little and hurt everyone else.
    torch.set_num_threads(1)
    folder = find_models(str(settings.get("model") or ""))
    lexicon = str(settings.get("lexicon") or "")
    try:
        loaded = load_voice(folder, Path(lexicon) if lexicon else None)
    except WeightsError as error:
        raise EngineFailed("neural", str(error)) from error
    _log.debug("the networks of the voice run in %s", loaded.hasten())
    voice = NeuralVoice(loaded)
    for _chunk in voice.speak(SpeechRequest("I am ready, and so are all my words.")):
        pass
    return voice


class NeuralVoice:
    """A ``SpeechCore``: holds no state between phrases, so they may overlap at will."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    @property
    def voices(self) -> tuple[str, ...]:
        """All names of the table."""
        return tuple(TIMBRES)

    def speak(self, request: SpeechRequest) -> Generator[SpeechChunk, None, None]:
        """Speak a phrase of any length; nothing speakable gives nothing.

        The same request gives the same samples.

        Raises:
            EngineFailed: If there is no such voice.
        """
        timbre = TIMBRES.get(request.voice)
        if timbre is None:
            names = ", ".join(TIMBRES)
            raise EngineFailed("neural", f"no voice {request.voice!r}; one of: {names}")
        queue = _SpeechQueue(timbre, request.text)
        how = manner(request, timbre, self._speaker(timbre.speaker))
        chunks = CHUNKS if request.paced else WHOLE
        for start, part in pieces(request.text):
            queue.begin(start)
            seeded = replace(how, seed=how.seed + start)
            said = tuple(_within(request.said, start, start + len(part)))
            for piece in self._pieces(part, seeded, chunks, said):
                chunk = queue.add(piece)
                if chunk is not None:
                    yield chunk
        last = queue.end()
        if last is not None:
            yield last

    def _speaker(self, name: str) -> int:
        """Number of a speaker; the first where the model has no such one."""
        names = self._voice.speakers
        return names.index(name) if name in names else 0

    def _pieces(
        self, text: str, how: Manner, chunks: tuple[int, ...], said: tuple[Said, ...]
    ) -> Iterator[Piece]:
        """Speak a part; in plain words where it cannot be spoken as it is written.

        A part that fails when some of it was given is left there, and the next one
        goes on: half a sentence is less of a loss than the rest of the reply. One that
        fails in plain words too is the voice's fault, and is raised.
        """
        given = False
        try:
            for piece in self._voice.speak(text, how, chunks, said):
                given = True
                yield piece
        except Exception as error:  # noqa: BLE001 - it never costs the reply its voice
            # Its kind alone: what it says may hold the text, and that is never logged.
            _log.error("a phrase could not be spoken (%s)", type(error).__name__)
            if not given:
                yield from self._voice.speak(plain_words(text), how, chunks)


def _within(said: Iterable[SaidAs], start: int, end: int) -> Iterator[Said]:
    """Of the ranges of a phrase those of a part of it, as ranges of the part."""
    for each in said:
        if start <= each.start and each.end <= end:
            phones = tuple(each.phones.split())
            if all(phone in INDEX for phone in phones):
                yield Said(each.start - start, each.end - start, phones)


def plain_words(text: str) -> str:
    """Only the words of a text, each where it was: nothing that a rule could read."""
    return _NO_WORD.sub(lambda m: " " * len(m.group()), text)


def manner(request: SpeechRequest, timbre: Timbre, speaker: int = 0) -> Manner:
    """How the trained voice must speak, for a phrase to come out as it should."""
    style = MANNERS.get(request.style, PLAIN)
    speed = request.speed * timbre.speed * style.speed / timbre.size
    pitch = timbre.pitch + style.pitch + request.pitch
    return Manner(
        seed=zlib.crc32(request.text.encode("utf-8", "replace")),
        speed=min(max(speed, 0.25), 4.0),
        pitch=min(max(pitch, -12.0), 12.0),
        pitch_range=min(3.0, WIDER * timbre.pitch_range * style.pitch_range),
        temperature=timbre.temperature,
        energy_db=style.energy_db,
        whispered=style.whispered,
        speaker=speaker,
    )


_NO_WORD = re.compile(r"[^a-zA-Z'\s]+")
_PUNCTUATION = re.compile(r"[^\w\s]*")


class _SpeechQueue:
    """The audio of a phrase: brought to its size and loudness, its words placed."""

    def __init__(self, timbre: Timbre, text: str) -> None:
        self._size = timbre.size
        self._gain = np.float32(10 ** (timbre.gain_db / 20))
        self._text = text
        self._resampler = Resampler(round(SPEECH_RATE * timbre.size), SPEECH_RATE)
        self._start = 0  # of this part, in the text
        self._clause = -1
        self._origin = 0  # source samples before this clause
        self._seen = 0  # source samples so far
        self._marks: list[WordMark] = []
        self._left_out = 0

    def begin(self, start: int) -> None:
        """A part of the text begins."""
        self._start = start
        self._clause = -1

    def add(self, piece: Piece) -> SpeechChunk | None:
        """Take a piece; return what can be given."""
        if piece.clause != self._clause:
            self._clause, self._origin = piece.clause, self._seen
        self._marks += [
            WordMark(
                self._start + mark.start,
                # With the punctuation that follows: it is heard as the word is.
                self._token_end(self._start + mark.end),
                self._pts(self._origin + mark.first),
                self._pts(self._origin + mark.last),
            )
            for mark in piece.marks
        ]
        self._left_out += piece.skipped
        self._seen += len(piece.samples)
        return self._given(self._resampler.push(piece.samples))

    def end(self) -> SpeechChunk | None:
        """Return what the rate converter holds; of nothing it holds nothing."""
        if self._seen == 0:
            return None
        return self._given(self._resampler.flush())

    def _given(self, samples: Samples) -> SpeechChunk | None:
        if len(samples) == 0:
            return None  # marks travel with audio
        marks, self._marks = self._marks, []
        left_out, self._left_out = self._left_out, 0
        return SpeechChunk(np.clip(samples * self._gain, -1, 1), tuple(marks), left_out)

    def _token_end(self, end: int) -> int:
        found = _PUNCTUATION.match(self._text, end)
        return found.end() if found else end

    def _pts(self, source: int) -> int:
        return round(source / self._size)
