"""Lessons of all speakers on one device, and batches drawn from them without a wait.

Everything lies in flat tensors: frames of all lessons one after the other, symbols of
all rows. A row is a sentence, or a clause of one. A batch is drawn by index alone,
with shapes that never change, so that a whole training step can be one CUDA graph.
Knows nothing of networks.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from voiceserver.voice.networks.acoustic import PAIR, Frames
from voiceserver.voice.networks.encoder import Phones
from voiceserver.voice.networks.features import F0_CENTRE_HZ, HOP, log_energy, log_mel
from voiceserver.voice.words.phones import INDEX, MARKS, PAUSE

SYMBOLS_MOST = 160  # of a row
CUT_FRAMES = 8  # pauses of 80 ms and more end a clause
NON_FINAL = MARKS.index(",")
CLAUSE_SHARE = 0.4  # of the examples that are clauses, not whole sentences
BLOCK = 4000  # frames whose mel spectrum is taken at once


@dataclass(frozen=True, slots=True)
class Packed:
    """All lessons of one speaker, one after the other.

    Attributes:
        samples: int16, ``(frames * HOP,)``.
        f0_hz: ``(frames,)``.
        voicing: 0 to 1, ``(frames,)``.
        symbols: ``(symbols,)``.
        places: ``(symbols,)``.
        lengths: Frames of each, ``(symbols,)``.
        counts: Symbols of each lesson, ``(lessons,)``.
    """

    samples: NDArray[np.int16]
    f0_hz: NDArray[np.float32]
    voicing: NDArray[np.float32]
    symbols: NDArray[np.int64]
    places: NDArray[np.int64]
    lengths: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Row:
    """Where a sentence or clause lies: first and number of frames and symbols."""

    frame: int
    frames: int
    symbol: int
    symbols: int
    ending: int
    speaker: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of each of a batch of rows; tensors ``(batch, ...)``.

    Attributes:
        phones: Of the whole rows.
        which: Symbol of each frame, ``(batch, frames)``, int64.
        cues: ``(batch, frames, CUES)``.
        mel: ``(batch, N_MELS, frames)``.
        pitch: Log F0 relative to ``F0_CENTRE_HZ``, ``(batch, frames)``.
        voicing: ``(batch, frames)``.
        mask: 1 where the row is, ``(batch, frames)``.
        wave: ``(batch, frames * HOP)``.
    """

    phones: Phones
    which: Tensor
    cues: Tensor
    mel: Tensor
    pitch: Tensor
    voicing: Tensor
    mask: Tensor
    wave: Tensor

    def frames(self, encoded: Tensor) -> Frames:
        """What the networks see of the frames, given the rows' encodings."""
        index = self.which[..., None].expand(-1, -1, encoded.shape[2])
        return Frames(encoded.gather(1, index), self.cues)


def load_packed(path: Path) -> Packed:
    """Read a speaker's lessons; the samples may lie beside them as Ogg Opus."""
    with np.load(path) as z:
        kinds = {f.name: z[f.name] for f in fields(Packed) if f.name in z.files}
    if "samples" not in kinds:
        import soundfile

        kinds["samples"], _ = soundfile.read(path.with_suffix(".opus"), dtype="int16")
    frames = int(kinds["lengths"].astype(np.int64).sum())
    kinds["samples"] = kinds["samples"][: frames * HOP]
    return Packed(
        kinds["samples"],
        kinds["f0_hz"].astype(np.float32),
        kinds["voicing"].astype(np.float32) / 255,
        *(
            kinds[k].astype(np.int64)
            for k in ("symbols", "places", "lengths", "counts")
        ),
    )


def flat_mel(samples: Tensor) -> Tensor:
    """Log mel of a long stretch, in blocks; ``(frames, N_MELS)``, float32."""
    frames = len(samples) // HOP
    wave = functional.pad(samples.float() / 32767, (4 * HOP, 4 * HOP))
    parts = []
    for first in range(0, frames, BLOCK):
        n = min(BLOCK, frames - first)
        mel = log_mel(wave[first * HOP : (first + n + 8) * HOP])
        parts.append(mel[:, 4 : 4 + n].T)
    return torch.cat(parts)


def flat_prosody(
    lengths: Tensor, pitch: Tensor, voicing: Tensor, energy: Tensor
) -> Tensor:
    """Prosody of symbols whose frames follow each other, ``(symbols, PROSODY)``.

    Pitch is weighted by voicing; a symbol of no frames takes the value at its place.
    """
    n, device = len(lengths), lengths.device
    which = torch.repeat_interleave(torch.arange(n, device=device), lengths)
    starts = torch.cumsum(lengths, 0) - lengths
    place = torch.arange(len(which), device=device) - starts[which] + 0.5
    place = place / lengths[which] - 0.5
    weight = voicing + 0.02

    def total(x: Tensor) -> Tensor:
        return torch.zeros(n, device=device).index_add(0, which, x)

    sums = total(weight).clamp_min(1e-9)
    mean = total(weight * pitch) / sums
    centred = place - (total(weight * place) / sums)[which]
    rise = total(weight * centred * (pitch - mean[which]))
    rise = rise / (total(weight * centred.square()) + 0.3)
    loud = total(energy) / lengths.clamp_min(1)
    at = starts.clamp(max=len(pitch) - 1)
    empty = lengths == 0
    return torch.stack(
        [
            torch.log1p(lengths.float()),
            torch.where(empty, pitch[at], mean),
            torch.where(empty, torch.zeros_like(rise), rise),
            torch.where(empty, energy[at], loud),
        ],
        -1,
    )


def _clause_rows(symbols: NDArray[np.int64], lengths: NDArray[np.int64]) -> list[slice]:
    """Symbols of each clause of a sentence, pauses on both sides included."""
    silent = symbols <= len(MARKS)
    inner = range(1, len(symbols) - 1)
    cuts = [i for i in inner if silent[i] and lengths[i] >= CUT_FRAMES]
    bounds = [0, *cuts, len(symbols) - 1]
    return [slice(a, b + 1) for a, b in itertools.pairwise(bounds)]


class Shelf:
    """All lessons, on the device that they are learnt on.

    Args:
        packed: Of each speaker.
        shares: How often each speaker is drawn.
        device: Where everything is to lie.
        kept: Every so many-th lesson is kept back for scoring; of fewer, the last.
    """

    def __init__(
        self,
        packed: Sequence[Packed],
        shares: Sequence[float],
        device: torch.device,
        kept: int = 40,
    ) -> None:
        self.device = device
        joined = {
            f.name: np.concatenate([getattr(p, f.name) for p in packed])
            for f in fields(Packed)
        }
        put = {k: torch.from_numpy(v).to(device) for k, v in joined.items()}
        self.samples = put["samples"]
        self.mel = flat_mel(self.samples)
        self.pitch = torch.log(put["f0_hz"].clamp_min(1) / F0_CENTRE_HZ)
        self.voicing = put["voicing"]
        energy = log_energy(self.mel.T)
        prosody = flat_prosody(put["lengths"], self.pitch, self.voicing, energy)
        speakers = [np.full(len(p.counts), i) for i, p in enumerate(packed)]
        self._shelve(joined, np.concatenate(speakers), prosody, kept)
        self.learnt = [self._drawn_by(shares, whole) for whole in (True, False)]

    def _shelve(
        self,
        joined: dict[str, NDArray[np.int64]],
        speakers: NDArray[np.int64],
        prosody: Tensor,
        kept: int,
    ) -> None:
        """Lay out rows: sentences and clauses, each with symbols of its own."""
        symbols, lengths = joined["symbols"], joined["lengths"]
        self._rows: list[Row] = []
        self._kept: list[Row] = []
        picks: list[NDArray[np.int64]] = []
        changed: list[NDArray[np.int64]] = []
        kept = min(kept, max(2, len(joined["counts"])))
        at = frame = placed = 0
        for number, count in enumerate(joined["counts"].tolist()):
            own, size = symbols[at : at + count], lengths[at : at + count]
            starts = frame + np.cumsum(size) - size
            parts = _clause_rows(own, size)
            spans = [slice(0, count), *(parts if len(parts) > 1 else [])]
            for i, span in enumerate(spans):
                these = own[span].copy()
                mark = int(these[-1]) - 1
                ending = mark if 0 <= mark < len(MARKS) else NON_FINAL
                these[0], these[-1] = INDEX[PAUSE], INDEX[MARKS[ending]]
                row = Row(
                    int(starts[span.start]),
                    int(size[span].sum()),
                    placed,
                    len(these),
                    ending,
                    int(speakers[number]),
                    i == 0,
                )
                if not (row.frames > 2 * PAIR and row.symbols <= SYMBOLS_MOST):
                    continue
                held = number % kept == kept - 1
                (self._kept if held else self._rows).append(row)
                picks.append(np.arange(at + span.start, at + span.stop))
                changed.append(these)
                placed += len(these)
            at, frame = at + count, frame + int(size.sum())
        pick = torch.from_numpy(np.concatenate(picks)).to(self.device)
        self._symbols = torch.from_numpy(np.concatenate(changed)).to(self.device)
        self._places = torch.from_numpy(joined["places"]).to(self.device)[pick]
        self._lengths = torch.from_numpy(lengths).to(self.device)[pick]
        self._prosody = prosody[pick]
        every = [*self._rows, *self._kept]
        table = [
            [r.frame, r.frames, r.symbol, r.symbols, r.ending, r.speaker] for r in every
        ]
        self._table = torch.tensor(table, device=self.device)

    def _drawn_by(self, shares: Sequence[float], whole: bool) -> Tensor:
        """Cumulative chance of each row; speakers as asked, rows by their length."""
        weight = np.zeros(len(self._table))
        for speaker, share in enumerate(shares):
            mine = [
                (i, r.frames**0.5)
                for i, r in enumerate(self._rows)
                if r.speaker == speaker and r.whole == whole
            ]
            total = sum(w for _, w in mine)
            for i, w in mine:
                weight[i] = share * w / total
        if not whole and not weight.any():  # no sentence has a pause to be cut at
            return self._drawn_by(shares, True)
        chance = np.cumsum(weight) / weight.sum()
        return torch.from_numpy(chance).float().to(self.device)

    @property
    def seconds(self) -> float:
        """Length of all lessons."""
        return len(self.samples) / (100 * HOP)

    def kept_rows(self) -> Tensor:
        """Numbers of whole sentences that are never drawn, ``(n,)``."""
        first = len(self._rows)
        kept = [first + i for i, r in enumerate(self._kept) if r.whole]
        return torch.tensor(kept, dtype=torch.int64, device=self.device)

    def units(self, speakers: int) -> tuple[Tensor, Tensor]:
        """Mean and spread of each speaker's prosody, each ``(speakers, PROSODY)``."""
        laid = self._table[self._table[:, 2].argsort()]  # as their symbols lie
        of_symbol = torch.repeat_interleave(laid[:, 5], laid[:, 3])
        mine = [self._prosody[of_symbol == s] for s in range(speakers)]
        means, scales = ([f(p) for p in mine] for f in (_mean, _spread))
        return torch.stack(means), torch.stack(scales)

    def draw(self, batch: int) -> Tensor:
        """Numbers of random rows, ``(batch,)``; by torch's own random numbers."""
        place = torch.rand(batch, device=self.device)
        clause = torch.rand(batch, device=self.device) < CLAUSE_SHARE
        rows = [torch.searchsorted(chance, place) for chance in self.learnt]
        chosen = torch.where(clause, rows[1], rows[0])
        return chosen.clamp(max=len(self._table) - 1)

    def phones(self, rows: Tensor) -> tuple[Phones, Tensor, Tensor]:
        """Phones of rows, padded; with their prosody and lengths in frames."""
        table = self._table[rows]
        column = torch.arange(SYMBOLS_MOST, device=self.device)
        mask = column < table[:, 3:4]
        index = (table[:, 2:3] + column).clamp(max=len(self._symbols) - 1)
        index = torch.where(mask, index, index[:, :1])
        known = mask.long()
        phones = Phones(
            self._symbols[index] * known,
            self._places[index] * known,
            table[:, 4],
            mask.float(),
            table[:, 5],
        )
        prosody = self._prosody[index] * mask[..., None]
        return phones, prosody, self._lengths[index] * known

    def window(self, rows: Tensor, frames: int, edge: int) -> Window:
        """A random stretch of each row, beginning on an even frame of it.

        Args:
            rows: Their numbers, ``(batch,)``.
            frames: Length; even.
            edge: How far it may begin before the row and end after it; even.
        """
        phones, prosody, lengths = self.phones(rows)
        table = self._table[rows]
        room = (table[:, 1] + 2 * edge - frames).clamp_min(0) // PAIR + 1
        place = torch.rand(len(rows), device=self.device) * room
        first = torch.minimum(place.long(), room - 1) * PAIR - edge
        local = first[:, None] + torch.arange(frames, device=self.device)
        inside = (local >= 0) & (local < table[:, 1:2])
        held = local.clamp_min(0).minimum(table[:, 1:2] - 1)
        mask = inside.float()
        ends = torch.cumsum(lengths, 1)
        which = torch.searchsorted(ends, held, right=True)
        at = table[:, :1] + held
        cues = _cues(prosody, lengths, which, held, ends) * mask[..., None]
        blocks = self.samples.view(-1, HOP)[at].float() / 32767
        return Window(
            phones,
            which,
            cues,
            (self.mel[at]).transpose(1, 2),
            self.pitch[at],
            self.voicing[at] * mask,
            mask,
            (blocks * mask[..., None]).flatten(1),
        )


def _mean(x: Tensor) -> Tensor:
    return x.mean(0)


def _spread(x: Tensor) -> Tensor:
    return x.std(0).clamp_min(1e-3)


def _cues(
    prosody: Tensor, lengths: Tensor, which: Tensor, held: Tensor, ends: Tensor
) -> Tensor:
    """As ``acoustic.cues_of``, for a batch; ``(batch, frames, CUES)``."""
    length = lengths.gather(1, which).float().clamp_min(1)
    start = ends.gather(1, which) - lengths.gather(1, which)
    place = (held - start + 0.5) / length
    index = which[..., None].expand(-1, -1, prosody.shape[2])
    _, pitch, rise, energy = prosody.gather(1, index).unbind(-1)
    line = pitch + rise * (place - 0.5)
    return torch.stack([place, torch.log1p(length) - 2, line, rise, energy / 3], -1)
