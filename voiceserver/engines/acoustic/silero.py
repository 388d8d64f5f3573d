"""Voice activity by Silero's model, run by a few numpy products.

Reads the weights out of the model file in the ``silero-vad`` wheel and needs neither
torch nor onnxruntime, so a media process stays small and starts at once: measured in
``docs/decisions/0002-voice-activity.md``. Equal to the wheel's own model within 1e-4.
Knows no threshold and no time: a gate decides what a probability means.

The network, for each window of 512 samples preceded by the last 64 of the one
before: magnitudes of four 256-sample spectra, four convolutions, one LSTM cell, one
logistic output: some ten products of at most four rows, 0.1 to 0.2 ms in all. They
read 0.9 MB of weights, which is much of their time: windows that follow on each other
are cheaper together, as all but the cell's recurrent half is one product for all.
"""

from __future__ import annotations

import importlib.util
import threading
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from voiceserver.audio import Samples
from voiceserver.engines.base import StreamWindows, VoiceActivity
from voiceserver.errors import EngineFailed

WINDOW = 512  # samples at 16 kHz, 32 ms; the model knows no other length
CONTEXT = 64  # samples of the window before, put in front
MOST = 16  # windows of a product: with more, what is worked on is out of the cache
UNITS = 128  # of the recurrent cell

_FFT = 256
_HOP = 128
_BINS = _FFT // 2 + 1
_FRAMES = 4  # spectra in a window: (64 + 512 + 64 reflected - 256) / 128 + 1
_FILE = "silero_vad.jit"
_REINSTALL = "reinstall it: pip install --force-reinstall --no-deps 'silero-vad<7'"

_Matrix = NDArray[np.float32]

# A TorchScript file is a zip archive with a member of raw float32 for each tensor.
# These are the members of the 16 kHz model in the wheel's version 6.2. (Its
# silero_vad_16k.safetensors holds another training of the same network: the two
# differ by up to 0.7 in probability on speech.)
_TENSORS: dict[str, tuple[int, tuple[int, ...]]] = {
    "spectrum": (2, (2 * _BINS, _FFT)),
    "conv1.weight": (3, (128, _BINS, 3)),
    "conv1.bias": (4, (128,)),
    "conv2.weight": (5, (64, 128, 3)),
    "conv2.bias": (6, (64,)),
    "conv3.weight": (7, (64, 64, 3)),
    "conv3.bias": (8, (64,)),
    "conv4.weight": (9, (128, 64, 3)),
    "conv4.bias": (10, (128,)),
    "cell.weight_input": (11, (4 * UNITS, UNITS)),
    "cell.weight_hidden": (12, (4 * UNITS, UNITS)),
    "cell.bias_input": (13, (4 * UNITS,)),
    "cell.bias_hidden": (14, (4 * UNITS,)),
    "out.weight": (15, (UNITS,)),
    "out.bias": (16, (1,)),
}


@dataclass(frozen=True, slots=True)
class _Network:
    """The weights, each laid out as the right-hand side of a product of rows.

    Convolutions are ``(taps * channels in, channels out)``, tap by tap; taps that
    only ever meet padding are left out. Shared by all detectors, never written to.
    """

    taper: _Matrix  # (256,), of a spectrum
    conv1: _Matrix  # (387, 128)
    bias1: _Matrix
    conv2: _Matrix  # (384, 64)
    bias2: _Matrix
    conv3: _Matrix  # (128, 64): the two taps that see the two positions
    bias3: _Matrix
    conv4: _Matrix  # (64, 128): the middle tap
    bias4: _Matrix
    cell: _Matrix  # (256, 512): input, then hidden; gates in, forget, out, new
    bias_cell: _Matrix
    out: _Matrix  # (128,)
    bias_out: float


def weights_path() -> Path:
    """Where the installed ``silero-vad`` keeps its weights; does not import it.

    Raises:
        EngineFailed: If the package is not installed.
    """
    # Importing silero_vad would import torch; finding it does not.
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise EngineFailed("silero", "the package silero-vad is missing; " + _REINSTALL)
    return Path(spec.origin).parent / "data" / _FILE


def _read(path: Path) -> dict[str, _Matrix]:
    """Read the tensors and check that they are the ones expected."""
    try:
        with zipfile.ZipFile(path) as archive:  # checks sums as it reads
            root = archive.namelist()[0].partition("/")[0]
            raw = {
                name: archive.read(f"{root}/data/{member}")
                for name, (member, _) in _TENSORS.items()
            }
    except (OSError, zipfile.BadZipFile, KeyError, IndexError, EOFError) as error:
        reason = f"cannot read its model {path} ({error}); {_REINSTALL}"
        raise EngineFailed("silero", reason) from error
    tensors = {}
    for name, (_, shape) in _TENSORS.items():
        values = np.frombuffer(raw[name][: len(raw[name]) // 4 * 4], "<f4")
        if values.size != np.prod(shape) or not np.isfinite(values).all():
            reason = f"{path} is not the model of version 6.2 ({name}); {_REINSTALL}"
            raise EngineFailed("silero", reason)
        tensors[name] = values.reshape(shape)
    return tensors


def _taps(weight: _Matrix, first: int, last: int) -> _Matrix:
    """Lay taps ``first..last`` of a convolution out as rows tap by tap."""
    out, inward, _ = weight.shape
    picked = weight[:, :, first : last + 1].transpose(2, 1, 0)
    return np.ascontiguousarray(picked.reshape((last + 1 - first) * inward, out))


def _taper(spectrum: _Matrix) -> _Matrix:
    """Find the taper in the basis of the file's spectrum.

    The basis is a discrete Fourier transform under a Hann window: real parts, then
    imaginary ones. numpy's own takes half of the time of the product, and no weights.

    Raises:
        ValueError: If it is another.
    """
    turns = 2 * np.pi * np.outer(np.arange(_BINS), np.arange(_FFT)) / _FFT
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)
    real, imaginary = spectrum[:_BINS], spectrum[_BINS:]
    error = abs(real - taper * np.cos(turns)).max()
    error = max(error, abs(imaginary + taper * np.sin(turns)).max())
    if error > 1e-6:
        raise ValueError("its spectrum is another")
    return taper.astype(np.float32)


def _arrange(tensors: dict[str, _Matrix]) -> _Network:
    cell = np.concatenate(
        [tensors["cell.weight_input"], tensors["cell.weight_hidden"]], axis=1
    )
    bias_cell = tensors["cell.bias_input"] + tensors["cell.bias_hidden"]
    # The file has the gates as in, forget, new, out; with the three logistic ones
    # side by side one call serves them.
    order = np.r_[0 : 2 * UNITS, 3 * UNITS : 4 * UNITS, 2 * UNITS : 3 * UNITS]
    return _Network(
        taper=_taper(tensors["spectrum"]),
        conv1=_taps(tensors["conv1.weight"], 0, 2),
        bias1=tensors["conv1.bias"],
        conv2=_taps(tensors["conv2.weight"], 0, 2),
        bias2=tensors["conv2.bias"],
        conv3=_taps(tensors["conv3.weight"], 1, 2),
        bias3=tensors["conv3.bias"],
        conv4=_taps(tensors["conv4.weight"], 1, 1),
        bias4=tensors["conv4.bias"],
        cell=np.ascontiguousarray(cell[order].T),
        bias_cell=bias_cell[order],
        out=tensors["out.weight"],
        bias_out=float(tensors["out.bias"][0]),
    )


def _logistic(values: _Matrix) -> None:
    """Replace values by their logistic function, without overflow."""
    values *= 0.5
    np.tanh(values, out=values)
    values += 1.0
    values *= 0.5


class _Bench(threading.local):
    """Where windows are worked on, whosever they are; each thread has one.

    It stays in the processor's cache, where buffers of each stream would not. Slicing
    costs as much as working on a slice: what so many windows need is there for each
    number of them.
    """

    def __init__(self, network: _Network) -> None:
        self._net = network
        padded = np.zeros((MOST, CONTEXT + WINDOW + CONTEXT), np.float32)
        tapered = np.zeros((MOST, _FRAMES, _FFT), np.float32)
        # A row of zeros before and after is the padding of the convolutions.
        magnitude = np.zeros((MOST, _FRAMES + 2, _BINS), np.float32)
        hidden1 = np.zeros((MOST, _FRAMES + 2, 128), np.float32)
        self._contexts = [row[:CONTEXT] for row in padded]
        self._windows = [row[CONTEXT:-CONTEXT] for row in padded]
        self._lasts = [row[WINDOW : WINDOW + CONTEXT] for row in padded]
        sizes = range(1, MOST + 1)
        self._of = [_Part(padded, tapered, magnitude, hidden1, n) for n in sizes]

    def encoded(self, heard: Sequence[_Heard]) -> _Matrix:
        """Run spectrum and convolutions; the cell's inputs, shape ``(n, 128)``.

        Args:
            heard: At most ``MOST``.
        """
        n, net = len(heard), self._net
        part = self._of[n - 1]
        self._lay_out(heard, part)
        np.multiply(part.overlapping, net.taper, out=part.tapered)
        np.abs(np.fft.rfft(part.tapered), out=part.magnitude)
        rows: _Matrix = part.rows1.reshape(n * _FRAMES, -1) @ net.conv1
        _relu(rows.reshape(n, _FRAMES, -1), net.bias1, part.hidden1)
        hidden2: _Matrix = part.rows2.reshape(n * 2, -1) @ net.conv2
        _relu(hidden2, net.bias2, hidden2)
        # A row by itself is the quicker.
        flat = hidden2.reshape(-1) if n == 1 else hidden2.reshape(n, -1)
        hidden3: _Matrix = flat @ net.conv3
        _relu(hidden3, net.bias3, hidden3)
        hidden4: _Matrix = hidden3 @ net.conv4
        _relu(hidden4, net.bias4, hidden4)
        return hidden4.reshape(n, -1)

    def _lay_out(self, heard: Sequence[_Heard], part: _Part) -> None:
        """Put windows where they are worked on, each between what the network adds."""
        for n, (window, before, _) in enumerate(heard):
            self._contexts[n][:] = before
            self._windows[n][:] = window
        # A sum is finite only if every sample is (float32 cannot overflow here).
        if not np.isfinite(part.padded.sum()):
            np.nan_to_num(part.padded, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        part.mirror[:] = part.mirrored
        for n, (_, _, stream) in enumerate(heard):
            stream.last[:] = self._lasts[n]


class _Part:
    """What the first so many windows of a bench are worked on with."""

    def __init__(
        self,
        padded: _Matrix,
        tapered: _Matrix,
        magnitude: _Matrix,
        hidden1: _Matrix,
        n: int,
    ) -> None:
        self.padded = padded[:n]
        self.mirror = padded[:n, -CONTEXT:]
        self.mirrored = padded[:n, -CONTEXT - 2 : -2 * CONTEXT - 2 : -1]
        row, item = padded.strides
        self.overlapping = np.lib.stride_tricks.as_strided(
            padded, (n, _FRAMES, _FFT), (row, _HOP * item, item), writeable=False
        )
        self.tapered = tapered[:n]
        self.magnitude = magnitude[:n, 1:-1]
        self.rows1 = _rows(magnitude[:n], step=1)
        self.hidden1 = hidden1[:n, 1:-1]
        self.rows2 = _rows(hidden1[:n], step=2)


class SileroDetector:
    """Voice activity of one stream; not for use by two threads.

    Attributes:
        last: The samples that are put before the next window.
        state: Of the cell: hidden and memory, ``(2, 128)``.
    """

    def __init__(self, network: _Network, bench: _Bench) -> None:
        self._net = network
        self._bench = bench
        self.last = np.zeros(CONTEXT, np.float32)
        self.state = np.zeros((2, UNITS), np.float32)

    @property
    def window(self) -> int:
        """Samples at 16 kHz that ``probability`` takes: 512."""
        return WINDOW

    def reset(self) -> None:
        """Forget what was heard."""
        self.last[:] = 0
        self.state[:] = 0

    def probability(self, window: Samples) -> float:
        """Probability that the window is speech, in [0, 1].

        Samples that are not finite count as silence: they would poison the state
        for the rest of the stream.

        Args:
            window: Shape ``(512,)``, 16 kHz, the samples after the last ones.

        Raises:
            ValueError: If the window has another shape.
        """
        return self.probabilities([window])[0]

    def probabilities(self, windows: Sequence[Samples]) -> list[float]:
        """The same of windows that follow on each other, for less than one by one.

        Args:
            windows: Each as ``probability`` takes it.

        Raises:
            ValueError: If one has another shape.
        """
        if len(windows) != 1:
            return _together(self._net, self._bench, [(self, windows)])[0]
        _check(windows)
        # All of the cell is one product where there is one window.
        inward = self._bench.encoded([(windows[0], self.last, self)])[0]
        gates = np.concatenate((inward, self.state[0])) @ self._net.cell
        gates += self._net.bias_cell
        return [float(_advanced(self._net, gates, self.state))]


# A window, the samples before it, and whose it is.
_Heard = tuple[Samples, Samples, SileroDetector]
_Streams = Sequence[tuple[SileroDetector, Sequence[Samples]]]


def _check(windows: Sequence[Samples]) -> None:
    for window in windows:
        if window.shape != (WINDOW,):
            raise ValueError(f"a window is ({WINDOW},), not {window.shape}")


def _together(net: _Network, bench: _Bench, asked: _Streams) -> list[list[float]]:
    """Look at windows of many streams; what needs no state is one product for all.

    Those of a stream follow on each other: its cell goes on by one of them at a step,
    the cells of all streams that have one more at once.

    Raises:
        ValueError: If a window has another shape.
    """
    for _, windows in asked:
        _check(windows)
    # The longest first: those that still go on are the first ones, at every step.
    order = sorted(range(len(asked)), key=lambda at: -len(asked[at][1]))
    sizes = [len(asked[at][1]) for at in order if asked[at][1]]
    streams = [asked[at][0] for at in order[: len(sizes)]]
    heard = [each for at in order for each in _following(*asked[at])]
    if not heard:
        return [[] for _ in asked]
    parts = range(0, len(heard), MOST)
    features = [bench.encoded(heard[at : at + MOST]) for at in parts]
    inward = np.concatenate(features) @ net.cell[:UNITS]
    inward += net.bias_cell
    state = np.concatenate([stream.state for stream in streams])
    state = np.ascontiguousarray(state.reshape(-1, 2, UNITS).transpose(1, 0, 2))
    recurrent = net.cell[UNITS:]
    firsts = np.cumsum([0, *sizes[:-1]])
    found = np.empty(len(heard), np.float32)
    for step in range(sizes[0]):
        n = sum(size > step for size in sizes)
        if n == 1:
            gates = inward[step] + state[0, 0] @ recurrent
            found[step] = _advanced(net, gates, state[:, 0])
            continue
        at = firsts[:n] + step
        gates = inward[at] + state[0, :n] @ recurrent
        found[at] = _advanced(net, gates, state[:, :n])
    for row, stream in enumerate(streams):
        stream.state[:] = state[:, row]
    told: list[list[float]] = [[] for _ in asked]
    values, begin = found.tolist(), 0
    for place, size in zip(order, sizes, strict=False):
        told[place] = values[begin : begin + size]
        begin += size
    return told


def _following(stream: SileroDetector, windows: Sequence[Samples]) -> Iterator[_Heard]:
    """Windows of a stream, each with what was before it."""
    before = stream.last.copy()  # it is that of the last, soon
    for window in windows:
        yield window, before, stream
        before = window[-CONTEXT:]


def _advanced(net: _Network, gates: _Matrix, state: _Matrix) -> _Matrix:
    """Advance cells, each a row, or one; return their outputs.

    Args:
        net: Weights.
        gates: What the gates are told, ``(..., 512)``; written to.
        state: Hidden and memory, ``(2, ..., 128)``; replaced by the next.
    """
    hidden, memory = state
    logistic, new = gates[..., : 3 * UNITS], gates[..., 3 * UNITS :]
    _logistic(logistic)
    np.tanh(new, out=new)
    new *= logistic[..., :UNITS]
    memory *= logistic[..., UNITS : 2 * UNITS]
    memory += new
    np.tanh(memory, out=hidden)
    hidden *= logistic[..., 2 * UNITS :]
    score: _Matrix = np.maximum(hidden, 0) @ net.out + np.float32(net.bias_out)
    found: _Matrix = 0.5 + 0.5 * np.tanh(0.5 * score)
    return found


def _rows(padded: _Matrix, step: int) -> _Matrix:
    """View three rows at a time of padded maps, ``(n, positions, 3, channels)``."""
    n, rows, channels = padded.shape
    one, row, item = padded.strides
    return np.lib.stride_tricks.as_strided(
        padded,
        (n, (rows - 3) // step + 1, 3, channels),
        (one, step * row, row, item),
        writeable=False,
    )


def _relu(values: _Matrix, bias: _Matrix, out: _Matrix) -> None:
    values += bias
    np.maximum(values, 0, out=out)


class Silero:
    """Opens Silero detectors that share one set of weights.

    Args:
        weights: The model file; the one in the ``silero-vad`` wheel by default.

    Raises:
        EngineFailed: If the file is missing or not the model; says what to do.
    """

    def __init__(self, weights: Path | None = None) -> None:
        self._network = _arrange(_read(weights or weights_path()))
        self._bench = _Bench(self._network)

    def open(self) -> VoiceActivity:
        """Return a detector for a new stream."""
        return SileroDetector(self._network, self._bench)

    def together(self, asked: Sequence[StreamWindows]) -> list[list[float]]:
        """Probabilities of windows of many streams, for less than stream by stream.

        Args:
            asked: Detectors that were opened here, each once, and the windows that
                follow in each; possibly none.

        Raises:
            ValueError: If a window has another shape.
        """
        streams = cast("_Streams", asked)
        return _together(self._network, self._bench, streams)
