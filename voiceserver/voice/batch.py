"""Many clauses at once, each in one piece: what a GPU is for, and what files need.

Clauses are padded to a common length and masked at every layer, so that each comes out
as it would alone. On CUDA the networks run in half precision if asked to, and a length
and number of clauses that were seen before is replayed as one captured graph, because
launching some hundred small kernels takes longer than running them. Knows nothing of
text, nor of who waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from voiceserver.voice.loudness import Follower
from voiceserver.voice.networks.acoustic import (
    NOISE,
    PAIR,
    AcousticModel,
    Frames,
    cues_of,
    held_in_pauses,
    to_hz,
)
from voiceserver.voice.networks.encoder import Phones
from voiceserver.voice.networks.features import HOP
from voiceserver.voice.networks.prosody import PROSODY
from voiceserver.voice.networks.releases import REACH as RELEASE_REACH
from voiceserver.voice.networks.releases import sharpened, stop_frames
from voiceserver.voice.networks.source import (
    frame_phases,
    noise_rows,
    noise_table,
    normal_table,
)
from voiceserver.voice.networks.vocoder import (
    AFTER,
    BEFORE,
    KERNEL,
    VocoderNet,
    overlap_add,
    pad_frames,
    pulse_spectrum,
)
from voiceserver.voice.pauses import hushed, silent_from
from voiceserver.voice.plan import Manner, Timed, timed
from voiceserver.voice.speaker import Samples
from voiceserver.voice.words.clause import Clause
from voiceserver.voice.words.phones import PAUSE, SYMBOLS

BUCKET = 128  # frames; lengths are rounded up to a multiple
REACH = KERNEL // 2
WARM_UPS = 3  # runs before a graph is captured; libraries set themselves up in them


@dataclass(frozen=True, slots=True)
class Batch:
    """What the networks see of a batch, padded to ``frames``.

    Attributes:
        encoded: ``(batch, frames, width)``.
        cues: ``(batch, frames, CUES)``.
        mask: 1 where a clause has a frame, ``(batch, frames)``.
        sounding: True where a frame belongs to a phone, ``(batch, frames)``.
        stops: 1 where a stop is to be sharp, ``(batch, frames)``.
        drawn: The decoder's noise, ``(batch, frames / 2, NOISE)``.
        rows: Of the vocoder's noise table, ``(batch, frames)``, int64.
        gain: Factor on each clause's waveform, ``(batch,)``.
        silent: First frame of each in which it is heard no more, ``(batch,)``, int64.
    """

    encoded: Tensor
    cues: Tensor
    mask: Tensor
    sounding: Tensor
    stops: Tensor
    drawn: Tensor
    rows: Tensor
    gain: Tensor
    silent: Tensor


@dataclass(frozen=True, slots=True)
class Track:
    """What the vocoder knows of frames beside their spectrum, each ``(batch, frames)``.

    Attributes:
        f0_hz: Above zero everywhere.
        voicing: 0 to 1.
        mask: 1 where a clause has a frame.
    """

    f0_hz: Tensor
    voicing: Tensor
    mask: Tensor


def collate(
    clauses: Sequence[Clause], speakers: Sequence[int], device: torch.device
) -> Phones:
    """Pad the symbols of clauses to a batch."""
    longest = max(len(c.symbols) for c in clauses)
    pause = SYMBOLS.index(PAUSE)

    def padded(rows: Sequence[Sequence[int]], fill: int) -> Tensor:
        full = [[*row, *[fill] * (longest - len(row))] for row in rows]
        return torch.tensor(full, device=device)

    return Phones(
        padded([c.symbols for c in clauses], pause),
        padded([c.places for c in clauses], 0),
        torch.tensor([c.ending for c in clauses], device=device),
        padded([[1] * len(c.symbols) for c in clauses], 0).float(),
        torch.tensor(list(speakers), device=device),
    )


def _timed(
    model: AcousticModel,
    phones: Phones,
    clauses: Sequence[Clause],
    manners: Sequence[Manner],
) -> list[Timed]:
    """Prosody and lengths of each clause, on the processor."""
    n, device = phones.symbols.shape[1], phones.symbols.device
    uniform, normal = (
        torch.zeros(len(manners), n),
        torch.zeros(len(manners), n, PROSODY),
    )
    counts = phones.mask.sum(1).long().tolist()
    for i, (manner, count) in enumerate(zip(manners, counts, strict=True)):
        # As the clause alone would draw them: the same speech in any company.
        generator = torch.Generator().manual_seed(manner.seed)
        uniform[i, :count] = torch.rand(count, generator=generator)
        normal[i, :count] = torch.randn((count, PROSODY), generator=generator)
    drawn = model.prosody.draw_many(
        phones,
        uniform.to(device),
        normal.to(device),
        torch.tensor([m.temperature for m in manners], device=device),
    ).cpu()
    centres = model.prosody.mean[:, 1].tolist()
    return [
        timed(drawn[i, :count], clause, manner, centres[manner.speaker])
        for i, (clause, manner, count) in enumerate(
            zip(clauses, manners, counts, strict=True)
        )
    ]


@torch.no_grad()
def prepare(
    model: AcousticModel, clauses: Sequence[Clause], manners: Sequence[Manner]
) -> tuple[Batch, list[int]]:
    """Draw the prosody of clauses and lay them out in frames.

    Args:
        model: In evaluation mode, on the device that is to be used.
        clauses: At least one.
        manners: One for each; whispering is not done here.

    Returns:
        The batch on the model's device, and the frames of each clause.
    """
    device = next(model.parameters()).device
    phones = collate(clauses, [m.speaker for m in manners], device)
    encoded = model.encoder(phones)
    each = _timed(model, phones, clauses, manners)
    counts = [int(own.lengths.sum()) for own in each]
    silent = [
        silent_from(own.lengths, manner.speed)
        for own, manner in zip(each, manners, strict=True)
    ]
    frames = -(-max(counts) // BUCKET) * BUCKET
    which = torch.zeros(len(clauses), frames, dtype=torch.int64)
    sounding = torch.zeros(len(clauses), frames, dtype=torch.bool)
    stops = torch.zeros(len(clauses), frames)
    cues = []
    for i, own in enumerate(each):
        number = torch.arange(len(own.lengths))
        symbols = torch.repeat_interleave(number, own.lengths)
        which[i, : len(symbols)] = symbols
        sounding[i, : len(symbols)] = own.sounding[symbols]
        spoken = torch.tensor(clauses[i].symbols)
        stops[i, : len(symbols)] = stop_frames(spoken, own.lengths)
        one = cues_of(own.prosody, own.lengths, symbols)
        cues.append(functional.pad(one, (0, 0, 0, frames - len(symbols))))
    drawn, rows = zip(*[_noises(m, frames) for m in manners], strict=True)
    index = which.to(device)[..., None].expand(-1, -1, encoded.shape[2])
    return (
        Batch(
            encoded.gather(1, index),
            torch.stack(cues).to(device),
            (torch.arange(frames) < torch.tensor(counts)[:, None]).float().to(device),
            sounding.to(device),
            stops.to(device),
            torch.stack(drawn).to(device),
            torch.stack(rows).to(device),
            torch.tensor([own.gain for own in each]).to(device),
            torch.tensor(silent).to(device),
        ),
        counts,
    )


def _noises(manner: Manner, frames: int) -> tuple[Tensor, Tensor]:
    pairs = noise_rows(0, frames // PAIR, manner.seed + 1)
    drawn = normal_table(NOISE)[pairs] * manner.texture
    return drawn, noise_rows(0, frames, manner.seed)


def masked(blocks: nn.Sequential, x: Tensor, mask: Tensor) -> Tensor:
    """Blocks that see silence beyond the end of each clause, ``(batch, n, c)``."""
    x = x * mask
    for block in blocks:
        x = block(x) * mask
    return x


def waves(model: AcousticModel, net: VocoderNet, batch: Batch) -> Tensor:
    """Waveforms of a batch, ``(batch, frames * HOP)``, silent beyond each clause.

    Not led to the usual loudness yet, nor kept within [-1, 1].
    """
    pair_mask = batch.mask[:, ::PAIR, None]
    frames = Frames(batch.encoded, batch.cues)
    pitch, voicing = _contour(model, frames, pair_mask)
    pitch = held_in_pauses(pitch, voicing, batch.sounding)
    decoder = model.decoder
    x = decoder.stack.inputs(decoder.inputs(frames, pitch, voicing, batch.drawn))
    hidden = masked(decoder.stack.blocks, x, pair_mask)
    soft = decoder.mel(decoder.stack.outputs(hidden)).float().transpose(1, 2)
    edges = (0, 0, RELEASE_REACH, RELEASE_REACH)
    stops = functional.pad(batch.stops[..., None], edges)
    mel = sharpened(functional.pad(soft, edges), stops)
    f0 = to_hz(_held(pitch.float(), batch.mask))
    hiss = noise_table(pair_mask.device)[batch.rows].transpose(1, 2)
    track = Track(f0, voicing.float() * batch.mask, batch.mask)
    made = hushed(vocode(net, mel.transpose(1, 2), track, hiss), batch.silent)
    return made * batch.gain[:, None]


def vocode(net: VocoderNet, mel: Tensor, track: Track, hiss: Tensor) -> Tensor:
    """Waveforms of mel spectra, ``(batch, frames * HOP)``, silent where masked.

    Args:
        net: The vocoder.
        mel: ``(batch, N_MELS, frames)``.
        track: Of the same frames.
        hiss: Noise spectra, ``(batch, SYNTHESIS_BINS, frames)``.
    """
    mask = track.mask[..., None]
    x = net.inputs(mel, track.f0_hz, track.voicing) * mask
    x = net.first(functional.pad(x, (0, 0, REACH, REACH)))
    filters = net.filters(masked(net.blocks, x, mask))
    padded = pad_frames(track.f0_hz, AFTER, AFTER)
    weight = functional.pad(track.voicing, (AFTER, AFTER))
    pulse = pulse_spectrum(padded, weight, frame_phases(padded))
    spectra = pulse * filters.harmonic + hiss * filters.hiss + filters.own
    return overlap_add(functional.pad(spectra * track.mask[:, None], (BEFORE, AFTER)))


def _contour(
    model: AcousticModel, frames: Frames, pair_mask: Tensor
) -> tuple[Tensor, Tensor]:
    stack = model.contour.stack
    x = stack.inputs(model.contour.inputs(frames))
    return model.contour.tracks(
        frames, stack.outputs(masked(stack.blocks, x, pair_mask))
    )


def _held(pitch: Tensor, mask: Tensor) -> Tensor:
    """Pitch with the last frame of each clause held to the end, ``(batch, n)``."""
    last = mask.sum(1).long()[:, None] - 1
    return torch.where(mask > 0, pitch, pitch.gather(1, last))


class BatchSpeaker:
    """Speaks batches on the device of its networks.

    Args:
        model: In evaluation mode.
        net: In evaluation mode, on the same device.
        half: Run the networks in bfloat16 where the arithmetic allows it.
        graphs: Capture each shape once and replay it; on CUDA only.
    """

    def __init__(
        self,
        model: AcousticModel,
        net: VocoderNet,
        *,
        half: bool = False,
        graphs: bool = False,
    ) -> None:
        self.model, self.net = model, net
        self.device = next(net.parameters()).device
        self._half = half
        self._graphs = graphs and self.device.type == "cuda"
        self._captured: dict[tuple[int, ...], Callable[[Batch], Tensor]] = {}

    def speak(
        self, clauses: Sequence[Clause], manners: Sequence[Manner]
    ) -> list[Samples]:
        """Speak clauses; float32 at 24 kHz, each ``(its frames * HOP,)``."""
        if not clauses:
            return []
        batch, counts = prepare(self.model, clauses, manners)
        made = self.run(batch).cpu().numpy()
        return [
            np.clip(Follower(manner.energy_db).push(wave[: n * HOP]), -1, 1)
            for wave, n, manner in zip(made, counts, manners, strict=True)
        ]

    @torch.no_grad()
    def run(self, batch: Batch) -> Tensor:
        """Waveforms of a prepared batch, on the device."""
        if not self._graphs:
            return self._eager(batch)
        shape = tuple(batch.encoded.shape)
        if shape not in self._captured:
            self._captured[shape] = self._capture(batch)
        return self._captured[shape](batch)

    def _eager(self, batch: Batch) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            return waves(self.model, self.net, batch)

    def _capture(self, batch: Batch) -> Callable[[Batch], Tensor]:
        """Record the kernels of one shape; its inputs are copied into place."""
        names = [field.name for field in fields(Batch)]
        inputs = Batch(**{name: getattr(batch, name).clone() for name in names})
        stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                self._eager(inputs)
        torch.cuda.current_stream(self.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            made = self._eager(inputs)

        def replay(fresh: Batch) -> Tensor:
            for name in names:
                getattr(inputs, name).copy_(getattr(fresh, name))
            graph.replay()
            return made

        return replay
