"""Synthesis: a clause in, chunks of audio out that add up to the whole, exactly.

What needs the whole clause (encoding, prosody, F0, phases) is made once, before the
first chunk; mel spectrum and waveform follow chunk by chunk. Each chunk recomputes as
many frames of context as the networks can see, so where the cuts fall changes nothing.
Knows nothing of text; `speaker` joins this with the front end.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from voiceserver.voice.acoustic import (
    NOISE,
    PAIR,
    AcousticModel,
    Frames,
    spread,
    to_hz,
    to_lengths,
)
from voiceserver.voice.clause import Clause
from voiceserver.voice.encoder import Phones
from voiceserver.voice.features import HOP, SAMPLE_RATE
from voiceserver.voice.phones import MARKS
from voiceserver.voice.source import frame_phases, noise, normal_noise
from voiceserver.voice.vocoder import (
    AFTER,
    BEFORE,
    VocoderNet,
    overlap_add,
    pad_frames,
    pulse_spectrum,
)

Samples = NDArray[np.float32]

FIRST_CHUNKS = (16, 32, 64, 128)  # frames; small at first: speech begins early
LATER_CHUNK = 200  # frames
# A whisper: gain that brings the noise near the pulses' power, softened; where the
# tilt is 1.
WHISPER_LEVEL = 0.8
TILT_HZ = 1500.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How a clause is to be spoken.

    Attributes:
        seed: Fixes everything random: the same seed gives the same samples.
        speed: 1 as trained, 2 twice as fast; 0.25 to 4.
        pitch: Shift of F0, in semitones; -12 to 12.
        pitch_range: Factor on the swing of F0 round its mean; 0 to 3.
        temperature: Spread of prosody; 0 the likeliest reading, 1 the speaker's own.
        texture: Spread of the decoder's noise; 0 smooth, 1 as trained.
        energy_db: How much louder every phone is meant; changes the timbre as effort
            does. -12 to 12.
        whispered: Without voice: noise takes the place of the pulses.
    """

    seed: int = 0
    speed: float = 1.0
    pitch: float = 0.0
    pitch_range: float = 1.0
    temperature: float = 0.7
    texture: float = 0.8
    energy_db: float = 0.0
    whispered: bool = False

    def __post_init__(self) -> None:
        limits = (
            ("speed", self.speed, 0.25, 4),
            ("pitch", self.pitch, -12, 12),
            ("pitch_range", self.pitch_range, 0, 3),
            ("temperature", self.temperature, 0, 1.5),
            ("texture", self.texture, 0, 1.5),
            ("energy_db", self.energy_db, -12, 12),
        )
        for name, value, low, high in limits:
            if not low <= value <= high:
                raise ValueError(f"{name} must lie in {low} to {high}, not {value}")


@dataclass(frozen=True, slots=True)
class Lead:
    """How long the silence before a clause may be, in frames of 10 ms.

    Attributes:
        least: It is lengthened to this.
        most: It is shortened to this, or to one frame more.
    """

    least: int = 0
    most: int = 400


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is fixed about a clause before it sounds.

    Attributes:
        lengths: Frames of each symbol, ``(n,)``, int64.
        frames: Cues of all frames, batch of 1.
        pitch: Log F0, ``(1, frames)``.
        voicing: ``(1, frames)``.
        f0_hz: F0 with ``AFTER`` frames repeated on both sides.
        weight: Voicing with ``AFTER`` zeros on both sides.
        phases: Of the padded F0, float64.
        manner: As asked.
    """

    lengths: Tensor
    frames: Frames
    pitch: Tensor
    voicing: Tensor
    f0_hz: Tensor
    weight: Tensor
    phases: Tensor
    manner: Manner

    @property
    def n_frames(self) -> int:
        """Length of the clause in frames of ``HOP`` samples; even."""
        return self.pitch.shape[1]

    def symbol_samples(self) -> list[int]:
        """First sample of each symbol, and last of all the clause's length."""
        ends = torch.cumsum(self.lengths, 0) * HOP
        return [0, *ends.tolist()]


def as_phones(clause: Clause) -> Phones:
    """A clause as a batch of one."""
    symbols = torch.tensor([clause.symbols])
    return Phones(
        symbols,
        torch.tensor([clause.places]),
        torch.tensor([clause.ending]),
        torch.ones(symbols.shape),
    )


@torch.no_grad()
def plan_clause(
    model: AcousticModel, clause: Clause, manner: Manner, lead: Lead | None = None
) -> Plan:
    """Draw the prosody of a clause and everything that follows from it.

    Args:
        model: In evaluation mode.
        clause: To be spoken.
        manner: How.
        lead: Silence before the first phone; as drawn if left out.
    """
    generator = torch.Generator().manual_seed(manner.seed)
    phones = as_phones(clause)
    encoded = model.encoder(phones)
    drawn = model.prosody.draw(phones, generator, manner.temperature)[0]
    centre = model.prosody.mean[1]
    drawn[:, 1] = (drawn[:, 1] - centre) * manner.pitch_range + centre
    drawn[:, 1] += manner.pitch * (np.log(2) / 12)
    drawn[:, 2] *= manner.pitch_range
    drawn[:, 3] += manner.energy_db * (np.log(10) / 20)
    sounding = torch.tensor([s > len(MARKS) for s in clause.symbols])
    lengths = to_lengths(drawn, sounding, manner.speed)
    if lead is not None:
        change = min(max(int(lengths[0]), lead.least), lead.most) - int(lengths[0])
        lengths[0] += change + change % PAIR  # the whole stays even
    one = spread(encoded[0], drawn, lengths)
    frames = Frames(one.encoded[None], one.cues[None])
    pitch, voicing = model.contour(frames)
    f0 = pad_frames(to_hz(pitch), AFTER, AFTER)
    return Plan(
        lengths,
        frames,
        pitch,
        voicing,
        f0,
        functional.pad(voicing, (AFTER, AFTER)),
        frame_phases(f0),
        manner,
    )


@torch.no_grad()
def decode_mel(model: AcousticModel, plan: Plan, first: int, end: int) -> Tensor:
    """Log mel magnitudes of frames ``first`` to ``end`` (even), ``(1, N_MELS, n)``."""
    field = model.decoder.field * PAIR
    low, high = max(0, first - field), min(plan.n_frames, end + field)
    span = slice(low, high)
    inner = normal_noise(low // PAIR, (high - low) // PAIR, NOISE, plan.manner.seed)
    mel: Tensor = model.decoder(
        Frames(plan.frames.encoded[:, span], plan.frames.cues[:, span]),
        plan.pitch[:, span],
        plan.voicing[:, span],
        inner[None] * plan.manner.texture,
    )
    return mel[:, :, first - low : end - low]


@torch.no_grad()
def _spectra(
    net: VocoderNet, plan: Plan, mel: Tensor, mel_first: int, first: int, end: int
) -> Tensor:
    """Spectra of frames ``first`` to ``end``, given mel from ``mel_first`` on."""
    low, high = max(0, first - net.field), min(plan.n_frames, end + net.field)
    f0 = plan.f0_hz[:, AFTER + low : AFTER + high]
    window = mel[:, :, low - mel_first : high - mel_first]
    filters = net(window, f0, plan.voicing[:, low:high])
    inner = slice(first - low, end - low)
    hiss = noise(first, end - first, plan.manner.seed)
    if plan.manner.whispered:
        breath = whisper(
            filters.harmonic[..., inner],
            filters.hiss[..., inner],
            plan.voicing[:, first:end],
        )
        whispered: Tensor = hiss * breath
        return whispered
    padded = slice(first, end + 2 * AFTER)
    pulse = pulse_spectrum(
        plan.f0_hz[:, padded], plan.weight[:, padded], plan.phases[:, padded]
    )
    voiced = pulse * filters.harmonic[..., inner]
    noisy: Tensor = hiss * filters.hiss[..., inner]
    both: Tensor = voiced + noisy
    return both


def whisper(harmonic: Tensor, hiss: Tensor, voicing: Tensor) -> Tensor:
    """Gain of the noise that takes the place of both sources in a whisper.

    The shape of vowels is the pulses' filter, so noise goes through it as well, higher
    frequencies raised as the open glottis does (about 6 dB an octave above 500 Hz;
    W. Meyer-Eppler, "Realization of prosodic features in whispered speech", 1957).

    Args:
        harmonic: Complex gain of the pulses, ``(batch, BINS, frames)``.
        hiss: Gain of the noise.
        voicing: 0 to 1, ``(batch, frames)``.
    """
    hz = torch.linspace(0, SAMPLE_RATE / 2, harmonic.shape[1], device=hiss.device)
    tilt = (hz / TILT_HZ).clamp(0.25, 3)[:, None] * WHISPER_LEVEL
    return torch.hypot(harmonic.abs() * tilt * voicing[:, None], hiss)


def chunk_sizes() -> Iterator[int]:
    """The usual lengths of chunks in frames, without end."""
    return itertools.chain(FIRST_CHUNKS, itertools.repeat(LATER_CHUNK))


@torch.no_grad()
def stream(
    model: AcousticModel,
    net: VocoderNet,
    plan: Plan,
    sizes: Iterable[int] | None = None,
) -> Iterator[Samples]:
    """Speak a planned clause in chunks.

    Args:
        model: In evaluation mode.
        net: In evaluation mode.
        plan: Of the clause.
        sizes: Frames of each chunk, at least 1; the last one rules the rest.

    Yields:
        float32 at 24 kHz, in [-1, 1]; together ``plan.n_frames * HOP`` samples.
    """
    total, done, size = plan.n_frames, 0, 1
    wanted = iter(chunk_sizes() if sizes is None else sizes)
    mel, mel_first, mel_end = torch.zeros(1, 0, 0), 0, 0
    while done < total:
        size = max(1, next(wanted, size))
        end = min(total, done + size)
        first, last = max(0, done - BEFORE), min(total, end + AFTER)
        need = min(total, last + net.field)
        need += need % PAIR
        if need > mel_end:
            fresh = decode_mel(model, plan, mel_end, need)
            mel = torch.cat([mel, fresh], 2) if mel_end else fresh
            mel_end = need
        spectra = _spectra(net, plan, mel, mel_first, first, last)
        edges = (first - (done - BEFORE), end + AFTER - last)
        wave = overlap_add(functional.pad(spectra, edges))[0].clamp(-1, 1)
        yield wave.numpy()
        done = end
        keep = max(mel_first, done - BEFORE - net.field)
        mel, mel_first = mel[:, :, keep - mel_first :], keep


def speak_whole(model: AcousticModel, net: VocoderNet, plan: Plan) -> Samples:
    """The clause in one piece, shape ``(plan.n_frames * HOP,)``."""
    return np.concatenate(list(stream(model, net, plan, [plan.n_frames])))
