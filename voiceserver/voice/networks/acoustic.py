"""Acoustic model: phones of a clause in, prosody and mel spectrum out.

Four parts. The prosody net reads the whole clause and **draws** duration, pitch and
energy of each phone from a mixture. The encoder reads it for its sounds. The contour
net turns these into F0 and voicing of every frame. The decoder emits the mel spectrum,
two frames (20 ms) at a time, from these and from noise; it has a bounded field, so
chunks equal the whole. Knows nothing of text.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from voiceserver.voice.networks.encoder import ClauseEncoder
from voiceserver.voice.networks.features import (
    F0_CENTRE_HZ,
    F0_HIGH_HZ,
    F0_LOW_HZ,
    N_MELS,
)
from voiceserver.voice.networks.prosody import ProsodyNet
from voiceserver.voice.networks.vocoder import KERNEL, ConvNeXtBlock

PAIR = 2  # frames of 10 ms that the decoder emits at a time
NOISE = 8  # channels of noise the decoder sees
SHORTEST = 24  # frames of all phones of a clause: a word alone is held that long
FAINT = 0.05  # voicing below which F0 is not heard
CUES = 5  # place in the phone, its length, coarse pitch, its rise, energy


@dataclass(frozen=True, slots=True)
class AcousticShape:
    """Sizes of the networks: what must be known to build them before loading."""

    encoder_width: int = 192
    encoder_blocks: int = 4
    components: int = 4
    contour_width: int = 128
    contour_blocks: int = 3
    decoder_width: int = 256
    decoder_blocks: int = 6
    prosody_width: int = 128
    prosody_blocks: int = 3
    speakers: int = 1


@dataclass(frozen=True, slots=True)
class Frames:
    """What is known of each frame before it sounds.

    Attributes:
        encoded: Encoding of its symbol, ``(batch, frames, width)``.
        cues: Place, length, pitch, rise, energy, ``(batch, frames, CUES)``.
    """

    encoded: Tensor
    cues: Tensor


def spread(encoded: Tensor, prosody: Tensor, lengths: Tensor) -> Frames:
    """Repeat each symbol over its frames.

    Args:
        encoded: Of one clause, ``(n, width)``.
        prosody: In natural units, ``(n, PROSODY)``.
        lengths: Frames of each symbol, ``(n,)``, int64.

    Returns:
        Unbatched frames, ``(frames, ...)``.
    """
    which = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    return Frames(encoded[which], cues_of(prosody, lengths, which))


def cues_of(prosody: Tensor, lengths: Tensor, which: Tensor) -> Tensor:
    """Cues of each frame, ``(frames, CUES)``.

    Args:
        prosody: In natural units, ``(n, PROSODY)``.
        lengths: Frames of each symbol, ``(n,)``, int64.
        which: Symbol of each frame, ``(frames,)``, int64.
    """
    starts = torch.cumsum(lengths, 0) - lengths
    length = lengths[which].float()
    place = (torch.arange(len(which)) - starts[which] + 0.5) / length
    _, pitch, rise, energy = prosody[which].unbind(-1)
    line = pitch + rise * (place - 0.5)
    return torch.stack([place, torch.log1p(length) - 2, line, rise, energy / 3], -1)


def paired(x: Tensor) -> Tensor:
    """Mean of each two frames, ``(batch, frames, c)`` to ``(batch, frames / 2, c)``."""
    return x.reshape(x.shape[0], -1, PAIR, x.shape[2]).mean(2)


class Stack(nn.Module):
    """Linear inlet, ConvNeXt blocks and linear outlet over pairs of frames."""

    def __init__(self, inputs: int, width: int, blocks: int, outputs: int) -> None:
        super().__init__()
        self.inlet: nn.Module = nn.Linear(inputs, width)
        self.blocks = nn.Sequential(*[ConvNeXtBlock(width) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)
        self.outlet: nn.Module = nn.Linear(width, outputs)

    @property
    def field(self) -> int:
        """Pairs on either side that an output depends on."""
        return KERNEL // 2 * len(self.blocks)

    def forward(self, x: Tensor) -> Tensor:
        return self.outputs(self.blocks(self.inputs(x)))

    def inputs(self, x: Tensor) -> Tensor:
        """What the first block sees, ``(batch, pairs, width)``."""
        hidden: Tensor = self.inlet(x)
        return hidden

    def outputs(self, hidden: Tensor) -> Tensor:
        """From the last block's output, ``(batch, pairs, outputs)``."""
        out: Tensor = self.outlet(self.norm(hidden))
        return out


class ContourNet(nn.Module):
    """F0 and voicing of every frame, from the coarse prosody of its symbol."""

    def __init__(self, shape: AcousticShape) -> None:
        super().__init__()
        self.stack = Stack(
            shape.encoder_width + CUES,
            shape.contour_width,
            shape.contour_blocks,
            2 * PAIR,
        )

    def logits(self, frames: Frames) -> tuple[Tensor, Tensor]:
        """As `forward`, but the voicing before its sigmoid: what training wants."""
        return self.split(frames, self.stack(self.inputs(frames)))

    def inputs(self, frames: Frames) -> Tensor:
        """What the stack sees, ``(batch, frames / 2, ...)``."""
        return paired(torch.cat([frames.encoded, frames.cues], -1))

    def tracks(self, frames: Frames, out: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, from the stack's output."""
        pitch, voicing = self.split(frames, out)
        return pitch, torch.sigmoid(voicing)

    @staticmethod
    def split(frames: Frames, out: Tensor) -> tuple[Tensor, Tensor]:
        bend, voicing = out[..., :PAIR], out[..., PAIR:]
        return frames.cues[..., 2] + bend.flatten(1), voicing.flatten(1)

    def forward(self, frames: Frames) -> tuple[Tensor, Tensor]:
        """Log F0 relative to ``F0_CENTRE_HZ`` and voicing, each ``(batch, frames)``."""
        return self.tracks(frames, self.stack(self.inputs(frames)))


class MelDecoder(nn.Module):
    """Mel spectrum from encodings, cues, F0, voicing and noise."""

    def __init__(self, shape: AcousticShape) -> None:
        super().__init__()
        inputs = shape.encoder_width + CUES + 2 * PAIR + NOISE
        self.stack = Stack(
            inputs, shape.decoder_width, shape.decoder_blocks, PAIR * N_MELS
        )

    @property
    def field(self) -> int:
        """Pairs of frames on either side that a pair depends on."""
        return self.stack.field

    def forward(
        self, frames: Frames, pitch: Tensor, voicing: Tensor, noise: Tensor
    ) -> Tensor:
        """Log mel magnitudes, ``(batch, N_MELS, frames)``.

        Args:
            frames: An even number of them.
            pitch: Log F0 relative to ``F0_CENTRE_HZ``, ``(batch, frames)``.
            voicing: 0 to 1, ``(batch, frames)``.
            noise: Standard normal, ``(batch, frames / 2, NOISE)``.
        """
        return self.mel(self.stack(self.inputs(frames, pitch, voicing, noise)))

    def inputs(
        self, frames: Frames, pitch: Tensor, voicing: Tensor, noise: Tensor
    ) -> Tensor:
        """What the stack sees, ``(batch, frames / 2, ...)``; arguments as `forward`."""
        known = paired(torch.cat([frames.encoded, frames.cues], -1))
        tracks = [t.reshape(t.shape[0], -1, PAIR) for t in (pitch, voicing)]
        return torch.cat([known, *tracks, noise], -1)

    def mel(self, out: Tensor) -> Tensor:
        """Mel spectrum from the stack's output."""
        mel: Tensor = out.reshape(out.shape[0], -1, N_MELS).transpose(1, 2)
        # Undoes a fixed scale: log mel runs from -11.5 to about 2.
        return mel * 3 - 5


def prosody_net(shape: AcousticShape) -> ProsodyNet:
    """The prosody net of a shape: it is trained apart."""
    return ProsodyNet(
        shape.prosody_width, shape.prosody_blocks, shape.components, shape.speakers
    )


class AcousticModel(nn.Module):
    """The four networks together."""

    def __init__(self, shape: AcousticShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = ClauseEncoder(
            shape.encoder_width, shape.encoder_blocks, 0.1, shape.speakers
        )
        self.prosody = prosody_net(shape)
        self.contour = ContourNet(shape)
        self.decoder = MelDecoder(shape)


def to_lengths(prosody: Tensor, sounding: Tensor, speed: float) -> Tensor:
    """Frames of each symbol from its drawn prosody.

    Args:
        prosody: Natural units, ``(n, PROSODY)``.
        sounding: True for phones (at least one frame), False for pauses, ``(n,)``.
        speed: 1 as drawn, 2 twice as fast.

    Returns:
        ``(n,)``, int64; their sum is even. Phones of a clause that would be over
        sooner than a word said alone are held: "hm" of 0.1 s is not heard as one.
    """
    frames = torch.expm1(prosody[:, 0].clamp(0, 5.5)) / speed
    said = float(frames[sounding].sum())
    if 0 < said < SHORTEST / speed:
        frames = torch.where(sounding, frames * (SHORTEST / speed / said), frames)
    lengths = torch.round(frames).long()
    lengths = torch.maximum(lengths, sounding.long())
    lengths[-1] += lengths.sum() % PAIR
    if int(lengths.sum()) == 0:
        lengths[-1] = PAIR
    return lengths


def held_in_pauses(pitch: Tensor, voicing: Tensor, sounding: Tensor) -> Tensor:
    """Log F0 whose voiced edges of pauses keep the pitch of the phone beside them.

    A voice dies away for a frame or two after its last phone. Tracks that speakers
    were learnt from fall to the lowest F0 there, which would be heard as a creak.

    Args:
        pitch: ``(batch, frames)``.
        voicing: 0 to 1, ``(batch, frames)``.
        sounding: True where a frame belongs to a phone, ``(batch, frames)``.
    """
    place = torch.arange(pitch.shape[1], device=pitch.device).expand_as(sounding)
    before = torch.where(sounding, place, -1).cummax(1).values
    first = sounding.float().argmax(1, keepdim=True)
    held = pitch.gather(1, torch.where(before < 0, first, before))
    edge = ~sounding & (voicing > FAINT) & sounding.any(1, keepdim=True)
    return torch.where(edge, held, pitch)


def to_hz(pitch: Tensor) -> Tensor:
    """F0 in Hz, within the range that the vocoder knows."""
    return (torch.exp(pitch) * F0_CENTRE_HZ).clamp(F0_LOW_HZ, F0_HIGH_HZ)
