"""Training sentences: what the acoustic model should have said, from the alignment.

Puts aligned phones, pause marks and the features of a recording together, measures the
prosody of each phone, and cuts clauses at pauses. Knows nothing of networks.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from scripts.voice.align import Phone, load_alignments
from scripts.voice.features import Utterance, load_utterances
from voiceserver.voice.clause import (
    PLACE_FIRST,
    PLACE_INNER,
    PLACE_LAST,
    PLACE_NONE,
    PLACE_ONLY,
)
from voiceserver.voice.encoder import Phones
from voiceserver.voice.features import F0_CENTRE_HZ, log_energy
from voiceserver.voice.phones import INDEX, MARKS, PAUSE
from voiceserver.voice.text.normalise import normalise

CLAUSE_SHARE = 0.4  # of the examples that are clauses, not whole sentences
CUT_FRAMES = 8  # pauses of 80 ms and more end a clause
NON_FINAL = MARKS.index(",")

# Questions of the ARCTIC prompts that are written with a full stop.
_QUESTION = re.compile(
    r"(?:will we|how (?:could|does|old|much was|in hell|are)|what (?:was the|part|if|do"
    r" you)|but (?:who was|how are)|shall i|do(?:es|n't)? (?:you|that|the old)|was it"
    r" the|is that|you mean for|who the devil|could the|did|what's that|or have they"
    r"|why should|would you|and how would|have you|well, did)\b",
    re.IGNORECASE,
)
_NO_QUESTION = re.compile(r"don't you see, i'm", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A recording with its symbols; tensors over ``n`` symbols or ``frames`` frames.

    Attributes:
        name: Of the recording.
        symbols: ``(n,)``, int64.
        places: ``(n,)``, int64.
        ending: Index of the mark that ends it.
        lengths: Frames of each symbol, ``(n,)``, int64; their sum is ``frames``.
        prosody: Natural units, ``(n, 4)``; see ``acoustic.PROSODY``.
        mel: ``(N_MELS, frames)``.
        pitch: Log F0 relative to ``F0_CENTRE_HZ``, ``(frames,)``.
        voicing: ``(frames,)``.
    """

    name: str
    symbols: Tensor
    places: Tensor
    ending: int
    lengths: Tensor
    prosody: Tensor
    mel: Tensor
    pitch: Tensor
    voicing: Tensor


def is_question(text: str) -> bool:
    """Whether a prompt asks, however it is punctuated."""
    asks = _QUESTION.match(text) and not _NO_QUESTION.match(text)
    return text.rstrip().endswith("?") or bool(asks)


def _marks_after_words(text: str) -> dict[int, str]:
    """Pause mark that follows the word of each index."""
    marks: dict[int, str] = {}
    index = -1
    for token in normalise(text).tokens:
        if token.is_mark:
            marks[index] = token.text
        else:
            index += 1
    last = index
    final = marks.get(last, ".")
    marks[last] = "?" if is_question(text) else final if final in ".?!" else "."
    return marks


def _place(index: int, words: list[int]) -> int:
    """Place of a phone in its word."""
    word = words[index]
    first = index == 0 or words[index - 1] != word
    last = index + 1 == len(words) or words[index + 1] != word
    if first and last:
        return PLACE_ONLY
    return PLACE_FIRST if first else PLACE_LAST if last else PLACE_INNER


def _rows(phones: list[Phone], text: str) -> list[tuple[str, int, int]]:
    """Symbol, place and frames: pauses become the mark written there, if any."""
    marks = _marks_after_words(text)
    words = [p.word for p in phones]
    rows: list[tuple[str, int, int]] = []
    if phones[0].symbol != PAUSE:
        rows.append((PAUSE, PLACE_NONE, 0))
    for i, p in enumerate(phones):
        if p.symbol == PAUSE:
            mark = marks.get(words[i - 1], PAUSE) if i else PAUSE
            rows.append((mark, PLACE_NONE, p.frames))
            continue
        rows.append((p.symbol, _place(i, words), p.frames))
        ends_word = i + 1 == len(words) or words[i + 1] != p.word
        silent_next = i + 1 < len(words) and words[i + 1] == -1
        if ends_word and not silent_next and p.word in marks:
            rows.append((marks[p.word], PLACE_NONE, 0))
    return rows


def measure_prosody(u: Utterance, lengths: Tensor) -> Tensor:
    """Prosody of each symbol in natural units, ``(n, 4)``.

    Pitch is weighted by voicing; a symbol of no frames takes the value at its place.
    """
    pitch = torch.log(u.f0_hz / F0_CENTRE_HZ)
    energy = log_energy(u.mel)
    weight = u.voicing + 0.02
    out = torch.zeros(len(lengths), 4)
    at = 0
    for i, n in enumerate(lengths.tolist()):
        a, b = (at, at + n) if n else (min(at, u.frames - 1), min(at, u.frames - 1) + 1)
        w, p = weight[a:b], pitch[a:b]
        mean = (w * p).sum() / w.sum()
        place = (torch.arange(b - a) + 0.5) / (b - a) - 0.5
        centred = place - (w * place).sum() / w.sum()
        spread = (w * centred.square()).sum()
        rise = (w * centred * (p - mean)).sum() / (spread + 0.3)
        out[i] = torch.stack(
            [torch.log1p(torch.tensor(float(n))), mean, rise, energy[a:b].mean()]
        )
        at += n
    return out


def make_sentence(u: Utterance, phones: list[Phone]) -> Sentence:
    """Put a recording and its alignment together."""
    rows = _rows(phones, u.text)
    lengths = torch.tensor([r[2] for r in rows])
    ending = rows[-1][0]
    return Sentence(
        u.name,
        torch.tensor([INDEX[r[0]] for r in rows]),
        torch.tensor([r[1] for r in rows]),
        MARKS.index(ending) if ending in MARKS else MARKS.index("."),
        lengths,
        measure_prosody(u, lengths),
        u.mel,
        torch.log(u.f0_hz / F0_CENTRE_HZ),
        u.voicing,
    )


def clauses(s: Sentence) -> list[Sentence]:
    """Parts of a sentence between its long pauses; all but the last are non-final.

    A part keeps the pause on both sides, as its own lead and ending.
    """
    silent = s.symbols <= len(MARKS)
    cuts = [
        i
        for i in range(1, len(s.symbols) - 1)
        if silent[i] and s.lengths[i] >= CUT_FRAMES
    ]
    bounds = [0, *cuts, len(s.symbols) - 1]
    starts = torch.cumsum(s.lengths, 0) - s.lengths
    parts = []
    for a, b in itertools.pairwise(bounds):
        first, end = int(starts[a]), int(starts[b] + s.lengths[b])
        frames = slice(first, end)
        symbols = s.symbols[a : b + 1].clone()
        symbols[0] = INDEX[PAUSE]
        mark = int(symbols[-1]) - 1
        ending = s.ending if b == bounds[-1] else mark if mark >= 0 else NON_FINAL
        symbols[-1] = INDEX[MARKS[ending]]
        parts.append(
            Sentence(
                s.name,
                symbols,
                s.places[a : b + 1],
                ending,
                s.lengths[a : b + 1],
                s.prosody[a : b + 1],
                s.mel[:, frames],
                s.pitch[frames],
                s.voicing[frames],
            )
        )
    return parts


def load_sentences(cache: Path, validation: bool) -> list[Sentence]:
    """All aligned sentences of one side of the split."""
    alignments = load_alignments(cache)
    return [
        make_sentence(u, alignments[u.name])
        for u in load_utterances(cache, validation)
        if u.name in alignments
    ]


def collate(sentences: list[Sentence]) -> Phones:
    """Pad the symbols of sentences to a batch."""
    symbols = pad_sequence([s.symbols for s in sentences], batch_first=True)
    lengths = torch.tensor([len(s.symbols) for s in sentences])
    mask = (torch.arange(symbols.shape[1]) < lengths[:, None]).float()
    return Phones(
        symbols,
        pad_sequence([s.places for s in sentences], batch_first=True),
        torch.tensor([s.ending for s in sentences]),
        mask,
    )


def draw(
    whole: list[Sentence], parts: list[Sentence], n: int, rng: np.random.Generator
) -> list[Sentence]:
    """Draw a batch of whole sentences and clauses of others."""
    batch = []
    for _ in range(n):
        pool = parts if rng.random() < CLAUSE_SHARE else whole
        batch.append(pool[int(rng.integers(len(pool)))])
    return batch
