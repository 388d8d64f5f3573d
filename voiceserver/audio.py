"""Audio frames, levels and rate conversion: the one media type inside the server.

Inside the server audio is mono float32 in [-1, 1): 16 kHz from the microphone,
24 kHz towards the listener. Other formats, rates and channel counts exist only in
carriers and at file edges, which convert here. Knows nothing of codecs or time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]  # shape (n,), mono, [-1, 1)

MIC_RATE = 16_000  # Hz; what VAD and recognisers take
SPEECH_RATE = 24_000  # Hz; what synthesizers give
PTIME_MS = 20  # one frame on every paced carrier
MIC_FRAME = MIC_RATE * PTIME_MS // 1000  # 320 samples
SPEECH_FRAME = SPEECH_RATE * PTIME_MS // 1000  # 480 samples

FLOOR_DB = -120.0  # level of digital silence


class AudioFrame(NamedTuple):
    """A run of consecutive samples of one stream.

    Attributes:
        samples: Shape ``(n,)``, float32, n >= 1.
        sample_rate: Hz.
        pts: Index of ``samples[0]`` since the stream began, in samples (not seconds).
        turn: Number of the turn that produced the frame; 0 for microphone audio
            and for silence.
    """

    samples: Samples
    sample_rate: int
    pts: int
    turn: int = 0

    @property
    def duration_s(self) -> float:
        """Length of the frame, in seconds."""
        return len(self.samples) / self.sample_rate


def level_db(samples: Samples) -> float:
    """Root-mean-square level in dB below full scale; ``FLOOR_DB`` for silence."""
    if len(samples) == 0:
        return FLOOR_DB
    power = float(np.dot(samples, samples)) / len(samples)
    return max(FLOOR_DB, 10 * math.log10(power + 1e-12))


def from_int16(pcm: bytes | NDArray[np.int16]) -> Samples:
    """Convert little-endian 16-bit PCM to float32 in [-1, 1).

    Raises:
        ValueError: If bytes of an odd length are given.
    """
    raw = np.frombuffer(pcm, "<i2") if isinstance(pcm, bytes) else pcm
    return (raw / 32768).astype(np.float32)


def to_int16(samples: Samples) -> NDArray[np.int16]:
    """Convert float32 to 16-bit PCM, clipping what lies outside [-1, 1)."""
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)


def _kernel(up: int, down: int, zero_crossings: int) -> Samples:
    """Windowed-sinc low-pass for polyphase conversion, shape (taps,), gain ``up``."""
    widest = max(up, down)
    half = zero_crossings * widest
    n = np.arange(-half, half + 1)
    # 0.92: the transition band ends below the lower of the two Nyquist rates.
    sinc = np.sinc(n * 0.92 / widest) * 0.92 / widest
    kernel = sinc * np.kaiser(len(n), 7.0)
    return np.asarray(kernel * up / kernel.sum(), np.float32)


# Samples that a converter makes at a time. Its table of them and their taps then stays
# in the cache, and within what the C library keeps: larger ones went back to the system
# at once, and three of four seconds of decoding went into getting the same again.
_AT_ONCE = 400
# Rates whose ratio is of numbers up to this have few phases: all of telephones and
# browsers. Their samples are made some phases at a time.
_FEW = 8


class Resampler:
    """Streaming polyphase rate converter; one object per stream.

    Linear phase, ``zero_crossings`` input periods of the lower rate long, so it
    withholds ``zero_crossings / min(source_rate, target_rate)`` seconds (0.75 ms at
    16 kHz with 12): libraries tuned for files withhold up to 118 ms.

    Args:
        source_rate: Hz of what is pushed.
        target_rate: Hz of what comes out.
        zero_crossings: Half length of the filter; more is sharper and slower.

    Raises:
        ValueError: If a rate is not positive.
    """

    def __init__(
        self, source_rate: int, target_rate: int, zero_crossings: int = 12
    ) -> None:
        if source_rate <= 0 or target_rate <= 0:
            raise ValueError(f"rates must be positive: {source_rate}, {target_rate}")
        divisor = math.gcd(source_rate, target_rate)
        self._up = target_rate // divisor
        self._down = source_rate // divisor
        kernel = _kernel(self._up, self._down, zero_crossings)
        self._delay = len(kernel) // 2  # at the common (upsampled) rate
        taps = -(-len(kernel) // self._up)
        padded = np.zeros(taps * self._up, np.float32)
        padded[: len(kernel)] = kernel
        # One row of taps per output phase, newest input sample first.
        self._phases = padded.reshape(taps, self._up).T.copy()
        self._taps = taps
        self._kernels: dict[int, Samples] = {}  # by the phase that a block begins with
        self._history = np.zeros(taps - 1, np.float32)
        self._next = self._delay  # upsampled index of the next output
        self._base = 0  # upsampled index of the first sample not yet pushed

    def push(self, samples: Samples) -> Samples:
        """Convert a block; output lengths vary by one, none is lost over a stream."""
        if self._up == self._down or len(samples) == 0:
            return samples
        line = np.concatenate([self._history, samples], dtype=np.float32)
        end = self._base + len(samples) * self._up
        n_out = max(0, -((self._next - end) // self._down))
        if max(self._up, self._down) <= _FEW:
            out = self._by_periods(line, n_out)
        else:
            out = self._by_samples(line, n_out)
        self._next += n_out * self._down
        self._base = end
        self._history = line[len(line) - self._taps + 1 :]
        return out

    def _by_periods(self, line: Samples, n_out: int) -> Samples:
        """Make ``up`` samples a row, by one product: a sixth of ``_by_samples``."""
        kernel = self._rows(self._next % self._up)
        first = (self._next - self._base) // self._up
        # Two rows at least: of one numpy makes another sum, equal but for its rounding.
        n_rows = max(2, -(-n_out // self._up))
        short = first + (n_rows - 1) * self._down + len(kernel) - len(line)
        if short > 0:
            line = np.concatenate([line, np.zeros(short, np.float32)])
        shape, strides = (n_rows, len(kernel)), (4 * self._down, 4)
        rows: Samples = np.ndarray(shape, np.float32, line, 4 * first, strides)
        made: Samples = np.matmul(rows, kernel)
        return made.reshape(-1)[:n_out]

    def _rows(self, phase: int) -> Samples:
        """The taps of ``up`` samples from a phase on, a column each."""
        if phase not in self._kernels:
            at = phase + np.arange(self._up) * self._down
            later = at // self._up
            made = np.zeros((self._taps + int(later[-1]), self._up), np.float32)
            columns = zip(later, at % self._up, strict=True)
            for column, (begin, of) in enumerate(columns):
                made[begin : begin + self._taps, column] = self._phases[of, ::-1]
            self._kernels[phase] = made
        return self._kernels[phase]

    def _by_samples(self, line: Samples, n_out: int) -> Samples:
        """Make each sample by its own row of taps."""
        at = self._next + np.arange(n_out) * self._down
        windows = np.lib.stride_tricks.sliding_window_view(line, self._taps)[:, ::-1]
        first, phase = (at - self._base) // self._up, at % self._up
        out = np.empty(n_out, np.float32)
        for begin in range(0, n_out, _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            rows, taps = windows[first[part]], self._phases[phase[part]]
            np.einsum("nt,nt->n", rows, taps, out=out[part])
        return out

    def flush(self) -> Samples:
        """Return what the filter still holds; the object is spent afterwards."""
        if self._up == self._down:
            return np.zeros(0, np.float32)
        return self.push(np.zeros(-(-self._delay // self._up), np.float32))


def resample(samples: Samples, source_rate: int, target_rate: int) -> Samples:
    """Convert a whole recording; the result has ``round(n * target / source)`` samples.

    Args:
        samples: Shape ``(n,)``.
        source_rate: Hz.
        target_rate: Hz.
    """
    converter = Resampler(source_rate, target_rate)
    out = np.concatenate([converter.push(samples), converter.flush()])
    return out[: round(len(samples) * target_rate / source_rate)]
