"""Sample formats, levels and rate conversion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.audio import (
    FLOOR_DB,
    AudioFrame,
    Resampler,
    from_int16,
    level_db,
    resample,
    to_int16,
)

RATES = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000]


def sine(frequency_hz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    time_s = np.arange(int(rate * seconds)) / rate
    return np.sin(2 * np.pi * frequency_hz * time_s).astype(np.float32)


def test_a_frame_knows_how_long_it_lasts() -> None:
    """480 samples at 24 kHz are 20 ms."""
    frame = AudioFrame(np.zeros(480, np.float32), 24_000, 0)
    assert frame.duration_s == pytest.approx(0.020)


def test_level_of_a_full_scale_sine_is_three_db_down() -> None:
    """Root mean square of a sine is 1/sqrt(2)."""
    assert level_db(sine(1000, 16_000)) == pytest.approx(-3.01, abs=0.01)


def test_silence_and_nothing_are_at_the_floor() -> None:
    """No logarithm of zero."""
    assert level_db(np.zeros(100, np.float32)) == FLOOR_DB
    assert level_db(np.zeros(0, np.float32)) == FLOOR_DB


def test_sixteen_bit_samples_survive_both_ways() -> None:
    """Every value of 16 bits comes back."""
    values = np.arange(-32768, 32768, dtype=np.int16)
    assert (to_int16(from_int16(values.tobytes())) == values).all()


def test_what_lies_outside_the_range_is_clipped() -> None:
    """Loud samples do not wrap around."""
    loud = np.array([-2.0, 2.0], np.float32)
    assert to_int16(loud).tolist() == [-32768, 32767]


@pytest.mark.parametrize("source", RATES)
@pytest.mark.parametrize("target", RATES)
def test_a_tone_keeps_its_shape_and_place(source: int, target: int) -> None:
    """1 kHz comes out as 1 kHz, in phase, within 0.1 %."""
    out = resample(sine(1000, source), source, target)
    want = sine(1000, target)
    assert len(out) == round(source * 0.5) * target // source
    inner = slice(len(out) // 10, -len(out) // 10)
    assert np.abs(out[inner] - want[: len(out)][inner]).max() < 1e-3


def test_what_the_lower_rate_cannot_hold_is_removed() -> None:
    """10 kHz at 48 kHz would alias to 6 kHz at 16 kHz; it is 45 dB down."""
    out = resample(sine(10_000, 48_000), 48_000, 16_000)
    assert level_db(out[100:-100]) < -45


@settings(max_examples=60, deadline=None)
@given(
    source=st.sampled_from(RATES),
    target=st.sampled_from(RATES),
    cuts=st.lists(st.integers(0, 700), max_size=12),
)
def test_any_blocking_gives_the_same_samples(
    source: int, target: int, cuts: list[int]
) -> None:
    """A stream converted block by block equals the whole converted at once."""
    samples = np.random.default_rng(0).standard_normal(2000).astype(np.float32)
    whole = Resampler(source, target)
    want = np.concatenate([whole.push(samples), whole.flush()])
    blocks = Resampler(source, target)
    parts, at = [], 0
    for cut in cuts:
        parts.append(blocks.push(samples[at : at + cut]))
        at += cut
    parts += [blocks.push(samples[at:]), blocks.flush()]
    assert np.array_equal(np.concatenate(parts), want)


@pytest.mark.parametrize(("source", "target"), [(44_100, 16_000), (8_000, 48_000)])
def test_a_long_block_equals_short_ones(source: int, target: int) -> None:
    """However many samples are made at a time inside."""
    samples = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    want = Resampler(source, target).push(samples)
    short = Resampler(source, target)
    parts = [short.push(part) for part in np.split(samples, 200)]
    assert np.array_equal(np.concatenate(parts), want)


def test_little_is_withheld() -> None:
    """At 16 kHz the filter holds back 0.75 ms: 36 of 960 samples at 48 kHz."""
    out = Resampler(48_000, 16_000).push(np.zeros(960, np.float32))
    assert len(out) == (960 - 36) // 3


def test_rates_must_be_positive() -> None:
    """A rate of zero is a mistake that is named."""
    with pytest.raises(ValueError, match="positive"):
        Resampler(0, 16_000)
