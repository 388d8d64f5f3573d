"""Letter-to-sound: a pronunciation for any word the lexicon does not know.

A small network looks at each letter with its neighbours, in layers that see ever more
of the word, and fills two slots for each letter with a phone or nothing (connectionist
temporal classification, Graves et al. 2006); what remains is read off in order.
Trained on the lexicon itself. Knows nothing of sentences.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from voiceserver.voice.words.phones import (
    INDEX,
    MARKS,
    SYMBOLS,
    Pronunciation,
    is_vowel,
    letter_name,
)

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
SLOTS = 2  # phones that one letter can give
BLANK = INDEX["_"]
FIRST_PHONE = 1 + len(MARKS)
PAD = len(LETTERS)
REACH = 5  # letters seen on either side by the first layer
DROPOUT = 0.1  # in training


@dataclass(frozen=True, slots=True)
class LettersShape:
    """Size of the network; files without a depth are of the time before it."""

    letter_width: int = 24
    width: int = 256
    depth: int = 0


def encode_letters(word: str) -> list[int]:
    """Indices of the letters of a word; other characters are passed over."""
    return [LETTERS.index(c) for c in word.lower() if c in LETTERS]


class _Layer(nn.Module):
    """Each letter's state, changed by those of two neighbours on either side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.near = nn.Conv1d(width, width, 5, padding=2)
        self.out = nn.Linear(width, width)

    def forward(self, h: Tensor, letter: Tensor) -> Tensor:
        """The changed states, ``(batch, n, width)``; no letter, no influence."""
        seen = (self.norm(h) * letter).transpose(1, 2)
        near = functional.gelu(self.near(seen)).transpose(1, 2)
        return h + functional.dropout(self.out(near), DROPOUT, self.training)


class LettersNet(nn.Module):
    """Letters in, log probabilities of symbols out; ``BLANK`` stands for nothing."""

    def __init__(self, shape: LettersShape) -> None:
        super().__init__()
        self.shape = shape
        self.letter = nn.Embedding(len(LETTERS) + 1, shape.letter_width)
        seen = (2 * REACH + 1) * shape.letter_width
        self.inlet = nn.Linear(seen, shape.width)
        self.norm = nn.LayerNorm(shape.width)
        self.inner = nn.Linear(shape.width, shape.width)
        self.layers = nn.ModuleList(_Layer(shape.width) for _ in range(shape.depth))
        self.outlet = nn.Linear(shape.width, SLOTS * len(SYMBOLS))

    def forward(self, letters: Tensor) -> Tensor:
        """Log probabilities, ``(batch, SLOTS * n, len(SYMBOLS))``.

        Args:
            letters: ``(batch, n)``, int64, ``PAD`` on the right.
        """
        padded = functional.pad(letters, (REACH, REACH), value=PAD)
        windows = self.letter(padded).unfold(1, 2 * REACH + 1, 1).flatten(2)
        h = functional.gelu(self.inlet(windows))
        h = h + functional.gelu(self.inner(self.norm(h)))
        letter = (letters != PAD).unsqueeze(-1).to(h)
        for layer in self.layers:
            h = layer(h, letter)
        out = self.outlet(h)
        slots = out.unflatten(-1, (SLOTS, len(SYMBOLS))).flatten(1, 2)
        return torch.log_softmax(slots, -1)


def collapse(path: list[int]) -> Pronunciation:
    """Symbols of a path of slots: repeats joined, blanks and marks dropped."""
    kept = [
        symbol
        for i, symbol in enumerate(path)
        if symbol >= FIRST_PHONE and (i == 0 or path[i - 1] != symbol)
    ]
    return tuple(SYMBOLS[s] for s in kept)


def one_primary_stress(phones: Pronunciation) -> Pronunciation:
    """Keep the first primary stress, or give one to the first vowel."""
    out, seen = list(phones), False
    for i, p in enumerate(out):
        if p.endswith("1"):
            out[i] = p[:-1] + "2" if seen else p
            seen = True
    if not seen:
        for i, p in enumerate(out):
            if is_vowel(p):
                out[i] = p[:-1] + "1"
                break
    return tuple(out)


@torch.no_grad()
def sound_out(net: LettersNet, word: str) -> Pronunciation:
    """Pronounce a word; a word without vowels is spelled. Never empty.

    Raises:
        ValueError: If the word has no letter of ``LETTERS``.
    """
    letters = encode_letters(word)
    if not any(i < 26 for i in letters):
        raise ValueError(f"no letters to sound out in {word!r}")
    scores = net(torch.tensor([letters], device=net.outlet.weight.device))[0]
    phones = collapse(scores.argmax(-1).tolist())
    if not any(is_vowel(p) for p in phones):
        spelled = [letter_name(LETTERS[i]) for i in letters if i < 26]
        return tuple(p for name in spelled for p in name)
    return one_primary_stress(phones)
