"""The voice as a whole: loaded from a folder of model files, text in, speech out.

    voice = load_voice(Path("models/voice"))
    for piece in voice.speak("It is ten past nine.", Manner(seed=3)):
        play(piece.samples)

A clause is planned whole and spoken in chunks that are exactly the whole; one clause
is spoken after the other. Knows nothing of calls or devices.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from voiceserver.voice.flow import Flow
from voiceserver.voice.loudness import Follower
from voiceserver.voice.networks.acoustic import AcousticModel
from voiceserver.voice.networks.features import HOP, SAMPLE_RATE
from voiceserver.voice.networks.packed import pack, pack_stack, pack_vocoder
from voiceserver.voice.networks.precision import fastest
from voiceserver.voice.networks.vocoder import AFTER, BEFORE, VocoderNet, overlap_add
from voiceserver.voice.pauses import after, hushed
from voiceserver.voice.plan import Lead, Manner, Plan, plan_clause
from voiceserver.voice.weights import (
    WeightsError,
    load_acoustic,
    load_letters,
    load_vocoder,
    speaker_names,
)
from voiceserver.voice.words.clause import Clause, Phonemiser
from voiceserver.voice.words.letters import sound_out
from voiceserver.voice.words.lexicon import load_lexicon
from voiceserver.voice.words.own_words import Said, load_own_words

Samples = NDArray[np.float32]

FIRST_CHUNKS = (16, 32, 64, 128)  # frames; small at first: speech begins early
LATER_CHUNK = 200  # frames
LEXICON_FILE = "lexicon.gz"
DRAWN = 10  # frames by which a drawn pause may be longer than the mark asks
# Silence before the first clause, made and not given: whoever asked is waiting, but
# networks that see no silence before it let the first phone come up too slowly (2 dB
# too quiet on average, up to 6: "a" and "as" were lost). Speech begins where something
# is heard: 20 to 80 ms before its first phone, as in the lessons of two speakers phones
# begin too late. Cut nearer, "a shadow" was heard as "the", "dear" as "year".
FIRST_LEAD = Lead(12, 12)
EARLIEST = 8  # frames before the first phone that may be given
AT_ONCE = 2  # frames that always are
FAINT = 10 ** (-60 / 20)  # root mean square of a frame that is not heard yet
LEAST_LEAD = 8  # frames before any other clause, for the same reason
FADE = 96  # samples, 4 ms at both edges of a clause
_RISE = np.linspace(0, 1, FADE, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Mark:
    """A source word and when it is said.

    Attributes:
        start: First character in the text.
        end: After the last one.
        first: First sample, counted from the beginning of the piece's clause.
        last: After the last sample.
    """

    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of speech.

    Attributes:
        samples: float32 at 24 kHz.
        clause: Number of its clause in the text.
        marks: Words of the clause; only with its first piece.
        skipped: Letters that were left out before its end; only with its first piece.
    """

    samples: Samples
    clause: int
    marks: tuple[Mark, ...] = ()
    skipped: int = 0


def word_marks(clause: Clause, plan: Plan, left: int = 0) -> tuple[Mark, ...]:
    """Where each word of a clause is said; words of one number are joined.

    Args:
        clause: That was planned.
        plan: Of the clause.
        left: Frames of its beginning that are not given.
    """
    at = [max(0, sample - left * HOP) for sample in plan.symbol_samples()]
    marks: list[Mark] = []
    for w in clause.words:
        mark = Mark(w.start, w.end, at[w.first], at[w.last])
        if marks and (marks[-1].start, marks[-1].end) == (w.start, w.end):
            marks[-1] = replace(marks[-1], last=mark.last)
        else:
            marks.append(mark)
    return tuple(marks)


def unheard(samples: Samples, most: int) -> int:
    """Frames at the beginning, no more than ``most``, in which nothing is heard yet."""
    frames = samples[: most * HOP].reshape(-1, HOP)
    [heard] = np.nonzero(np.mean(np.square(frames), 1) > FAINT**2)
    return int(heard[0]) if len(heard) else len(frames)


def _with_lead(sizes: Iterable[int], lead: int) -> Iterator[int]:
    """Lengths of chunks, the first so much longer; the last one rules the rest."""
    size = 1
    for i, wanted in enumerate(sizes):
        size = max(1, wanted)
        yield size if i else size + lead
    yield size


def chunk_sizes() -> Iterator[int]:
    """The usual lengths of chunks in frames, without end."""
    return itertools.chain(FIRST_CHUNKS, itertools.repeat(LATER_CHUNK))


@torch.inference_mode()
def stream(
    model: AcousticModel,
    net: VocoderNet,
    plan: Plan,
    sizes: Iterable[int] | None = None,
    left: int = 0,
) -> Iterator[Samples]:
    """Speak a planned clause in chunks.

    Args:
        model: In evaluation mode.
        net: In evaluation mode.
        plan: Of the clause.
        sizes: Frames of each chunk, at least 1; the last one rules the rest.
        left: Frames of the clause's beginning that are made and not given.

    Yields:
        float32 at 24 kHz, in [-1, 1]; ``(plan.n_frames - left) * HOP`` in all.
    """
    total, done, size = plan.n_frames, 0, 1
    wanted = iter(chunk_sizes() if sizes is None else sizes)
    flow = Flow(model, net, plan)
    follower = None if plan.manner.whispered else Follower(plan.manner.energy_db)
    while done < total:
        size = max(1, next(wanted, size))
        end = min(total, done + left + size)
        first, last = max(0, done - BEFORE), min(total, end + AFTER)
        edges = (first - (done - BEFORE), end + AFTER - last)
        spectra = functional.pad(flow.spectra(first, last), edges)
        made = overlap_add(spectra)[0] * plan.gain
        if end > plan.silent_from:
            made = hushed(made, torch.tensor(plan.silent_from), done)
        samples = made.numpy()
        even = follower.push(samples) if follower else samples
        yield np.clip(even[left * HOP :], -1, 1)
        done, left = end, 0


def speak_whole(model: AcousticModel, net: VocoderNet, plan: Plan) -> Samples:
    """The clause in one piece, shape ``(plan.n_frames * HOP,)``."""
    return np.concatenate(list(stream(model, net, plan, [plan.n_frames])))


class Voice:
    """Front end and networks of one voice. Holds no state between calls."""

    sample_rate = SAMPLE_RATE

    def __init__(
        self,
        phonemiser: Phonemiser,
        model: AcousticModel,
        net: VocoderNet,
        speakers: tuple[str, ...] = ("",),
    ) -> None:
        self.phonemiser = phonemiser
        self.model = model
        self.net = net
        self.speakers = speakers

    def speak(
        self,
        text: str,
        manner: Manner | None = None,
        sizes: Iterable[int] | None = None,
        said: Sequence[Said] = (),
    ) -> Generator[Piece, None, None]:
        """Speak a text, clause by clause, each in chunks.

        Args:
            text: Anything; what cannot be said is left out.
            manner: How; each clause adds its number to the seed.
            sizes: Frames of the chunks of each clause; the usual ones if left out.
            said: Ranges of the text that are said as they are given.

        Yields:
            Pieces as they are made; none if there is nothing to say. The last one is
            the pause that belongs to the last clause's mark.
        """
        manner = manner or Manner()
        chunks = None if sizes is None else tuple(sizes)
        lead, number, pause = FIRST_LEAD, 0, 0
        for number, clause in enumerate(self.phonemiser.phonemise(text, said)):
            own = replace(manner, seed=manner.seed + number)
            plan = plan_clause(self.model, clause, own, lead)
            marks: tuple[Mark, ...] = ()
            skipped = clause.skipped
            for left, samples in self._clause(plan, chunks, first=number == 0):
                if left is not None:
                    marks = word_marks(clause, plan, left)
                yield Piece(samples, number, marks, skipped)
                marks, skipped = (), 0
            wanted = after(clause.ending, manner.speed)
            pause = max(0, wanted - int(plan.lengths[-1]))
            lead = Lead(max(pause, LEAST_LEAD), pause + DRAWN)
        if pause:
            yield Piece(np.zeros(pause * HOP, np.float32), number)

    def _clause(
        self, plan: Plan, chunks: tuple[int, ...] | None, *, first: bool
    ) -> Iterator[tuple[int | None, Samples]]:
        """Chunks of a clause, its edges soft; with the first the frames left out."""
        left, quiet = 0, 0
        if first:
            left = max(0, int(plan.lengths[0]) - EARLIEST)
            quiet = max(0, int(plan.lengths[0]) - AT_ONCE - left)
        sizes = _with_lead(chunk_sizes() if chunks is None else chunks, quiet)
        done, begun = left, False
        for samples in stream(self.model, self.net, plan, sizes, left):
            done += len(samples) // HOP
            dropped = 0 if begun else unheard(samples, quiet)
            given = samples[dropped * HOP :]
            if not begun:
                given[:FADE] *= _RISE
            if done == plan.n_frames:
                given[-FADE:] *= _RISE[::-1]
            yield (None if begun else left + dropped), given
            begun = True

    def hasten(self) -> str:
        """Lay the networks out for this processor; tell in which precision.

        In bfloat16, where that is faster, what changes lies some 40 dB below the
        speech. Prosody is always drawn in float32: the same seed is read alike on all
        machines.
        """
        dtype = fastest(self.net.shape.width)
        if dtype is None:
            return "float32, as loaded"
        pack(self.model.encoder, dtype)
        pack_stack(self.model.contour.stack, dtype)
        pack_stack(self.model.decoder.stack, dtype)
        pack(self.model.prosody, torch.float32)
        pack_vocoder(self.net, dtype)
        return str(dtype).removeprefix("torch.")

    def speak_all(self, text: str, manner: Manner | None = None) -> Samples:
        """A text in one array; empty if there is nothing to say."""
        pieces = [p.samples for p in self.speak(text, manner)]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def load_phonemiser(folder: Path, own_words: Path | None = None) -> Phonemiser:
    """Load the front end of a voice: its lexicon and letter-to-sound network.

    Args:
        folder: Of the voice.
        own_words: An operator's file of words, if there is one.

    Raises:
        WeightsError: If a file is missing, damaged or not ours.
    """
    try:
        lexicon = load_lexicon(folder / LEXICON_FILE)
    except (OSError, EOFError, ValueError) as e:
        raise WeightsError(f"cannot read the lexicon in {folder}: {e}") from e
    letters = load_letters(folder / "letters.safetensors")
    phonemiser = Phonemiser(lexicon, functools.partial(sound_out, letters))
    if own_words is None:
        return phonemiser
    try:
        known = load_own_words(own_words, phonemiser.word)
    except (OSError, ValueError) as e:
        raise WeightsError(f"cannot read the words in {own_words}: {e}") from e
    return phonemiser.with_own_words(known)


def load_voice(folder: Path, own_words: Path | None = None) -> Voice:
    """Load a voice from its folder; arguments as for `load_phonemiser`.

    Raises:
        WeightsError: If a file is missing, damaged or not ours.
    """
    phonemiser = load_phonemiser(folder, own_words)
    acoustic = folder / "acoustic.safetensors"
    model, names = load_acoustic(acoustic), speaker_names(acoustic)
    net = load_vocoder(folder / "vocoder.safetensors")
    return Voice(phonemiser, model, net, names)
