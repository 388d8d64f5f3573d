"""The plan of a clause: everything that is fixed before it sounds.

Encoding, prosody, F0 and phases need the whole clause and are made here, once. Knows
nothing of chunks, and nothing of text but its symbols.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from voiceserver.voice.loudness import gain
from voiceserver.voice.networks.acoustic import (
    PAIR,
    AcousticModel,
    Frames,
    held_in_pauses,
    spread,
    to_hz,
    to_lengths,
)
from voiceserver.voice.networks.encoder import Phones
from voiceserver.voice.networks.features import HOP
from voiceserver.voice.networks.releases import stop_frames
from voiceserver.voice.networks.source import frame_phases
from voiceserver.voice.networks.vocoder import AFTER, pad_frames
from voiceserver.voice.pauses import silent_from, within_limits
from voiceserver.voice.words.clause import Clause
from voiceserver.voice.words.intonation import raised
from voiceserver.voice.words.phones import MARKS


@dataclass(frozen=True, slots=True)
class Manner:
    """How a clause is to be spoken.

    Attributes:
        seed: Fixes everything random: the same seed gives the same samples.
        speed: 1 as trained, 2 twice as fast; 0.25 to 4.
        pitch: Shift of F0, in semitones; -12 to 12.
        pitch_range: Factor on the swing of F0 round its mean; 0 to 3.
        temperature: Spread of prosody; 0 the likeliest reading, 1 the speaker's own.
        texture: Spread of the decoder's noise; the default is as trained.
        energy_db: How much louder every phone is meant; changes the timbre as effort
            does. -12 to 12.
        whispered: Without voice: noise takes the place of the pulses.
        speaker: Which of the voice's speakers.
    """

    seed: int = 0
    speed: float = 1.0
    pitch: float = 0.0
    pitch_range: float = 1.0
    temperature: float = 0.7
    texture: float = 0.3
    energy_db: float = 0.0
    whispered: bool = False
    speaker: int = 0

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
        stops: 1 where a stop is to be sharp, ``(1, frames)``.
        manner: As asked.
        gain: Factor on the waveform.
    """

    lengths: Tensor
    frames: Frames
    pitch: Tensor
    voicing: Tensor
    f0_hz: Tensor
    weight: Tensor
    phases: Tensor
    stops: Tensor
    manner: Manner
    gain: float

    @property
    def n_frames(self) -> int:
        """Length of the clause in frames of ``HOP`` samples; even."""
        return self.pitch.shape[1]

    @property
    def silent_from(self) -> int:
        """First frame in which nothing of the clause is heard any more."""
        return silent_from(self.lengths, self.manner.speed)

    def symbol_samples(self) -> list[int]:
        """First sample of each symbol, and last of all the clause's length."""
        ends = torch.cumsum(self.lengths, 0) * HOP
        return [0, *ends.tolist()]


def as_phones(clause: Clause, speaker: int) -> Phones:
    """A clause as a batch of one."""
    symbols = torch.tensor([clause.symbols])
    return Phones(
        symbols,
        torch.tensor([clause.places]),
        torch.tensor([clause.ending]),
        torch.ones(symbols.shape),
        torch.tensor([speaker]),
    )


def bend(drawn: Tensor, manner: Manner, centre: float) -> Tensor:
    """Change drawn prosody as a manner asks.

    Args:
        drawn: In natural units, ``(n, PROSODY)``.
        manner: Pitch, its range, and energy.
        centre: Mean log F0 of the speaker.
    """
    bent = drawn.clone()
    bent[:, 1] = (drawn[:, 1] - centre) * manner.pitch_range + centre
    bent[:, 1] += manner.pitch * (math.log(2) / 12)
    bent[:, 2] *= manner.pitch_range
    bent[:, 3] += manner.energy_db * (math.log(10) / 20)
    return bent


@dataclass(frozen=True, slots=True)
class Timed:
    """A clause's prosody and what follows from it, over ``n`` symbols.

    Attributes:
        prosody: In natural units, ``(n, PROSODY)``.
        lengths: Frames of each symbol, ``(n,)``, int64; their sum is even.
        sounding: True for phones, False for pauses and marks, ``(n,)``.
        gain: Factor on the waveform that makes clauses equally loud.
    """

    prosody: Tensor
    lengths: Tensor
    sounding: Tensor
    gain: float


def timed(drawn: Tensor, clause: Clause, manner: Manner, centre: float) -> Timed:
    """Bring drawn prosody into the form that is spoken, alone or among others.

    Args:
        drawn: In natural units, ``(n, PROSODY)``.
        clause: Of ``n`` symbols.
        manner: As asked.
        centre: Mean log F0 of the speaker.
    """
    bent = bend(drawn, manner, centre)
    sounding = torch.tensor([s > len(MARKS) for s in clause.symbols])
    lengths = to_lengths(bent, sounding, manner.speed)
    lengths = within_limits(lengths, clause.symbols, manner.speed)
    lengths[-1] += lengths.sum() % PAIR
    if clause.rises:
        bent = raised(bent, clause.symbols, lengths, manner.pitch_range)
    level = gain(bent[:, 3], lengths, sounding, manner.energy_db)
    return Timed(bent, lengths, sounding, level)


@torch.inference_mode()
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
    phones = as_phones(clause, manner.speaker)
    encoded = model.encoder(phones)
    drawn = model.prosody.draw(phones, generator, manner.temperature)[0]
    own = timed(drawn, clause, manner, float(model.prosody.mean[manner.speaker, 1]))
    lengths = own.lengths
    if lead is not None:
        change = min(max(int(lengths[0]), lead.least), lead.most) - int(lengths[0])
        lengths[0] += change + change % PAIR  # the whole stays even
    one = spread(encoded[0], own.prosody, lengths)
    frames = Frames(one.encoded[None], one.cues[None])
    pitch, voicing = model.contour(frames)
    sounding = own.sounding.repeat_interleave(lengths)[None]
    pitch = held_in_pauses(pitch, voicing, sounding)
    f0 = pad_frames(to_hz(pitch), AFTER, AFTER)
    return Plan(
        lengths,
        frames,
        pitch,
        voicing,
        f0,
        functional.pad(voicing, (AFTER, AFTER)),
        frame_phases(f0),
        stop_frames(torch.tensor(clause.symbols), lengths)[None],
        manner,
        own.gain,
    )
