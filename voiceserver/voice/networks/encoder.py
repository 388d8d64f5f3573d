"""Encoder of a clause: its symbols, each seen with its neighbours.

Prosody and sound have one each, because they differ in how soon they learn a small
corpus by heart. Knows nothing of what is made of the encodings.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from voiceserver.voice.networks.vocoder import ConvNeXtBlock
from voiceserver.voice.words.phones import MARKS, SYMBOLS

PLACES = 5  # of a symbol in its word: none, first, inner, last, only


@dataclass(frozen=True, slots=True)
class Phones:
    """Clauses as the encoder sees them; a batch is padded on the right.

    Attributes:
        symbols: Indices into ``phones.SYMBOLS``, ``(batch, n)``, int64.
        places: Place in the word, ``(batch, n)``, int64 below ``PLACES``.
        ending: Index into ``phones.MARKS`` of the mark that ends it, ``(batch,)``.
        mask: 1 where there is a symbol, ``(batch, n)``, float32.
        speaker: Who speaks, ``(batch,)``, int64.
    """

    symbols: Tensor
    places: Tensor
    ending: Tensor
    mask: Tensor
    speaker: Tensor


class ClauseEncoder(nn.Module):
    """Symbols with their places, the clause's ending and its speaker, mixed."""

    def __init__(self, width: int, blocks: int, dropout: float, speakers: int) -> None:
        super().__init__()
        self.symbol = nn.Embedding(len(SYMBOLS), width)
        self.place = nn.Embedding(PLACES, width)
        self.ending = nn.Embedding(len(MARKS), width)
        self.speaker = nn.Embedding(speakers, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(ConvNeXtBlock(width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, phones: Phones) -> Tensor:
        """Encodings, ``(batch, n, width)``."""
        x = self.symbol(phones.symbols) + self.place(phones.places)
        of_all = self.ending(phones.ending) + self.speaker(phones.speaker)
        x = x + of_all[:, None]
        mask = phones.mask[..., None]
        h = self.dropout(x) * mask
        for block in self.blocks:
            h = block(h) * mask
        out: Tensor = self.norm(h)
        return out
