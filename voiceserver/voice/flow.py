"""A planned clause on its way through the networks, piece by piece.

Every layer keeps the few frames at its edge that its next output still needs, so each
frame is computed once wherever the cuts fall, and the pieces equal the whole. Knows
nothing of how a clause was planned, nor of who waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from voiceserver.voice.networks import releases
from voiceserver.voice.networks.acoustic import NOISE, PAIR, AcousticModel, Frames
from voiceserver.voice.networks.features import SAMPLE_RATE, SYNTHESIS_BINS
from voiceserver.voice.networks.packed import PackedBlock
from voiceserver.voice.networks.source import noise, normal_noise
from voiceserver.voice.networks.vocoder import (
    AFTER,
    BEFORE,
    KERNEL,
    ConvNeXtBlock,
    Filters,
    VocoderNet,
    pulse_spectrum,
)
from voiceserver.voice.plan import Plan

REACH = KERNEL // 2
# A whisper: gain that brings the noise near the pulses' power, softened; where the
# tilt is 1.
WHISPER_LEVEL = 1.6
TILT_HZ = 1500.0
ENVELOPE_BINS = 5  # wide enough to reach from one harmonic to the next


class EdgeKeeper:
    """One convolution over frames that come in pieces.

    Args:
        inner: Gives the frames that have all their neighbours.
        reach: Neighbours on either side.
    """

    def __init__(self, inner: Callable[[Tensor], Tensor], reach: int = REACH) -> None:
        self._inner = inner
        self._reach = reach
        self._edge: Tensor | None = None

    def push(self, x: Tensor, last: bool) -> Tensor | None:
        """Take frames ``(1, n, channels)``; return those that are complete, if any."""
        reach = self._reach
        if self._edge is None:
            self._edge = x.new_zeros(1, reach, x.shape[2])
        line = torch.cat([self._edge, x], 1)
        if last:
            line = functional.pad(line, (0, 0, 0, reach))
        self._edge = line[:, -2 * reach :]
        return self._inner(line) if line.shape[1] > 2 * reach else None


class Chain:
    """Convolutions one after the other, over frames that come in pieces."""

    def __init__(self, layers: Sequence[Callable[[Tensor], Tensor]]) -> None:
        self._keepers = [EdgeKeeper(layer) for layer in layers]

    def push(self, x: Tensor, last: bool) -> Tensor | None:
        """Take frames; return those that came out at the end, if any.

        After the last piece all frames have come out.
        """
        for keeper in self._keepers:
            out = keeper.push(x, last)
            if out is None:
                return None
            x = out
        return x


def _inners(blocks: nn.Sequential) -> list[Callable[[Tensor], Tensor]]:
    kinds = ConvNeXtBlock | PackedBlock
    found = [block for block in blocks if isinstance(block, kinds)]
    assert len(found) == len(blocks)
    return [block.inner for block in found]


def _sharp(line: Tensor) -> Tensor:
    """Spectra whose last channel says where stops are."""
    return releases.sharpened(line[..., :-1], line[..., -1:])


class Flow:
    """The spectra of a planned clause, made as they are asked for.

    Args:
        model: In evaluation mode.
        net: In evaluation mode.
        plan: Of the clause.
    """

    def __init__(self, model: AcousticModel, net: VocoderNet, plan: Plan) -> None:
        self._decoder, self._net, self._plan = model.decoder, net, plan
        self._decoding = Chain(_inners(model.decoder.stack.blocks))
        self._filtering = Chain([net.first, *_inners(net.blocks)])
        self._sharpening = EdgeKeeper(_sharp, releases.REACH)
        self._decoded = 0  # frames given to the decoder
        self._sharpened = 0  # frames that came out of it
        self._filtered = 0  # frames given to the vocoder
        self._made = torch.zeros(1, SYNTHESIS_BINS, 0, dtype=torch.complex64)
        self._first = 0  # frame of the first one kept

    def spectra(self, first: int, end: int) -> Tensor:
        """Spectra of some frames, ``(1, SYNTHESIS_BINS, end - first)``, complex64.

        What lies ``BEFORE`` and ``AFTER`` frames before the end is kept for the next
        call, earlier ones are gone.
        """
        while self._first + self._made.shape[2] < end:
            self._advance(end)
        at = first - self._first
        found = self._made[:, :, at : at + end - first]
        keep = max(0, end - BEFORE - AFTER - self._first)
        self._made, self._first = self._made[:, :, keep:], self._first + keep
        return found

    def _advance(self, end: int) -> None:
        """Push what brings the spectra to ``end``, or a little where that is done."""
        total = self._plan.n_frames
        ahead = self._net.field + releases.REACH + self._decoder.field * PAIR
        upto = min(total, max(end + ahead, self._decoded + PAIR))
        upto += upto % PAIR
        mel = self._decode(self._decoded, upto)
        self._decoded = upto
        if mel is None:
            return
        filters = self._filter(mel, last=upto == total)
        if filters is not None:
            first = self._first + self._made.shape[2]
            fresh = self._excite(filters, first)
            self._made = torch.cat([self._made, fresh], 2)

    def _decode(self, first: int, end: int) -> Tensor | None:
        plan, span = self._plan, slice(first, end)
        drawn = normal_noise(
            first // PAIR, (end - first) // PAIR, NOISE, plan.manner.seed
        )
        x = self._decoder.inputs(
            Frames(plan.frames.encoded[:, span], plan.frames.cues[:, span]),
            plan.pitch[:, span],
            plan.voicing[:, span],
            drawn[None] * plan.manner.texture,
        )
        stack = self._decoder.stack
        hidden = self._decoding.push(stack.inputs(x), end == plan.n_frames)
        if hidden is None:
            return None
        return self._sharpen(self._decoder.mel(stack.outputs(hidden)))

    def _sharpen(self, mel: Tensor) -> Tensor | None:
        first, end = self._sharpened, self._sharpened + mel.shape[2]
        self._sharpened = end
        stops = self._plan.stops[:, first:end, None]
        line = torch.cat([mel.transpose(1, 2), stops], 2)
        sharp = self._sharpening.push(line, end == self._plan.n_frames)
        return None if sharp is None else sharp.transpose(1, 2)

    def _filter(self, mel: Tensor, last: bool) -> Filters | None:
        first, end = self._filtered, self._filtered + mel.shape[2]
        self._filtered = end
        f0 = self._plan.f0_hz[:, AFTER + first : AFTER + end]
        x = self._net.inputs(mel, f0, self._plan.voicing[:, first:end])
        hidden = self._filtering.push(x, last)
        return None if hidden is None else self._net.filters(hidden)

    def _excite(self, filters: Filters, first: int) -> Tensor:
        """Both sources through their filters, from a frame on."""
        plan, n = self._plan, filters.hiss.shape[2]
        hiss = noise(first, n, plan.manner.seed)
        if plan.manner.whispered:
            gain = whisper(filters, plan.voicing[:, first : first + n])
            breath: Tensor = hiss * gain
            return breath
        padded = slice(first, first + n + 2 * AFTER)
        pulse = pulse_spectrum(
            plan.f0_hz[:, padded], plan.weight[:, padded], plan.phases[:, padded]
        )
        both: Tensor = pulse * filters.harmonic + hiss * filters.hiss + filters.own
        return both


def whisper(filters: Filters, voicing: Tensor) -> Tensor:
    """Gain of the noise that takes the place of both sources in a whisper.

    The shape of vowels is the pulses' filter, so noise goes through it as well, higher
    frequencies raised as the open glottis does (about 6 dB an octave above 500 Hz;
    W. Meyer-Eppler, "Realization of prosodic features in whispered speech", 1957).

    Args:
        filters: Of both sources.
        voicing: 0 to 1, ``(batch, frames)``.
    """
    hz = torch.linspace(0, SAMPLE_RATE / 2, SYNTHESIS_BINS, device=voicing.device)
    tilt = (hz / TILT_HZ).clamp(0.25, 3)[:, None] * WHISPER_LEVEL
    # Between harmonics the pulses' filter is whatever training left there.
    shape = functional.max_pool1d(
        filters.harmonic.abs().transpose(1, 2), ENVELOPE_BINS, 1, ENVELOPE_BINS // 2
    ).transpose(1, 2)
    return torch.hypot(shape * tilt * voicing[:, None], filters.hiss)
