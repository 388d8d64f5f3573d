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
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voiceserver.audio import Samples
from voiceserver.engines.base import VoiceActivity
from voiceserver.errors import EngineFailed

WINDOW = 512  # samples at 16 kHz, 32 ms; the model knows no other length
CONTEXT = 64  # samples of the window before, put in front
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


class SileroDetector:
    """Voice activity of one stream; not for use by two threads."""

    def __init__(self, network: _Network) -> None:
        self._net = network
        padded = np.zeros(CONTEXT + WINDOW + CONTEXT, np.float32)
        self._padded = padded
        self._context = padded[:CONTEXT]
        self._window = padded[CONTEXT : CONTEXT + WINDOW]
        self._mirror = padded[CONTEXT + WINDOW :]
        self._mirrored = padded[-CONTEXT - 2 : -2 * CONTEXT - 2 : -1]
        self._last = padded[WINDOW : WINDOW + CONTEXT]
        strides = (_HOP * padded.itemsize, padded.itemsize)
        self._overlapping = np.lib.stride_tricks.as_strided(
            padded, (_FRAMES, _FFT), strides, writeable=False
        )
        self._tapered = np.zeros((_FRAMES, _FFT), np.float32)
        # A row of zeros before and after is the padding of the convolutions.
        self._magnitude = np.zeros((_FRAMES + 2, _BINS), np.float32)
        self._hidden1 = np.zeros((_FRAMES + 2, 128), np.float32)
        self._rows1 = _rows(self._magnitude, step=1)
        self._rows2 = _rows(self._hidden1, step=2)
        self._joined = np.zeros(2 * UNITS, np.float32)  # cell input, hidden state
        self._hidden = self._joined[UNITS:]
        self._memory = np.zeros(UNITS, np.float32)

    @property
    def window(self) -> int:
        """Samples at 16 kHz that ``probability`` takes: 512."""
        return WINDOW

    def reset(self) -> None:
        """Forget what was heard."""
        self._padded[:] = 0
        self._hidden[:] = 0
        self._memory[:] = 0

    def probability(self, window: Samples) -> float:
        """Probability that the window is speech, in [0, 1].

        Samples that are not finite count as silence: they would poison the state
        for the rest of the stream.

        Args:
            window: Shape ``(512,)``, 16 kHz, the samples after the last ones.

        Raises:
            ValueError: If the window has another shape.
        """
        if window.shape != (WINDOW,):
            raise ValueError(f"a window is ({WINDOW},), not {window.shape}")
        self._context[:] = self._last
        self._window[:] = window
        # A sum is finite only if every sample is (float32 cannot overflow here).
        if not np.isfinite(self._window.sum()):
            np.nan_to_num(self._window, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        self._mirror[:] = self._mirrored
        return self._step(self._encode())

    def probabilities(self, windows: Sequence[Samples]) -> list[float]:
        """The same of windows that follow on each other, for less than one by one.

        Args:
            windows: Each as ``probability`` takes it.

        Raises:
            ValueError: If one has another shape.
        """
        if len(windows) == 1:
            return [self.probability(windows[0])]
        if not windows:
            return []
        if any(window.shape != (WINDOW,) for window in windows):
            raise ValueError(f"a window is ({WINDOW},), not something else")
        heard = np.stack(windows).astype(np.float32, copy=False)
        if not np.isfinite(heard.sum()):
            np.nan_to_num(heard, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        features = _encoded(self._net, _padded(heard, self._last))
        self._window[:] = heard[-1]  # the context of the next
        inward = features @ self._net.cell[:UNITS]
        inward += self._net.bias_cell
        recurrent = self._net.cell[UNITS:]
        return [self._advance(row + self._hidden @ recurrent) for row in inward]

    def _encode(self) -> _Matrix:
        """Run spectrum and convolutions; the cell's input, shape ``(128,)``."""
        net, tapered = self._net, self._tapered
        np.multiply(self._overlapping, net.taper, out=tapered)
        np.abs(np.fft.rfft(tapered), out=self._magnitude[1:-1])
        hidden1 = self._hidden1[1:-1]
        _relu(self._rows1.reshape(_FRAMES, -1) @ net.conv1, net.bias1, hidden1)
        hidden2: _Matrix = self._rows2.reshape(2, -1) @ net.conv2
        _relu(hidden2, net.bias2, hidden2)
        hidden3: _Matrix = hidden2.reshape(-1) @ net.conv3
        _relu(hidden3, net.bias3, hidden3)
        hidden4: _Matrix = hidden3 @ net.conv4
        _relu(hidden4, net.bias4, hidden4)
        return hidden4

    def _step(self, features: _Matrix) -> float:
        """Advance the cell by one window and read its output."""
        self._joined[:UNITS] = features
        gates = self._joined @ self._net.cell
        gates += self._net.bias_cell
        return self._advance(gates)

    def _advance(self, gates: _Matrix) -> float:
        """Advance the cell, given what its gates are told; read its output."""
        net = self._net
        logistic, new = gates[: 3 * UNITS], gates[3 * UNITS :]
        _logistic(logistic)
        np.tanh(new, out=new)
        new *= logistic[:UNITS]
        self._memory *= logistic[UNITS : 2 * UNITS]
        self._memory += new
        np.tanh(self._memory, out=self._hidden)
        self._hidden *= logistic[2 * UNITS :]
        score = float(np.maximum(self._hidden, 0) @ net.out) + net.bias_out
        return 0.5 + 0.5 * float(np.tanh(0.5 * score))


def _padded(windows: _Matrix, last: _Matrix) -> _Matrix:
    """Windows as the network sees each: after the one before, before its mirror.

    Args:
        windows: Shape ``(n, 512)``.
        last: The samples before the first.
    """
    padded = np.empty((len(windows), CONTEXT + WINDOW + CONTEXT), np.float32)
    padded[0, :CONTEXT] = last
    padded[1:, :CONTEXT] = windows[:-1, -CONTEXT:]
    padded[:, CONTEXT:-CONTEXT] = windows
    padded[:, -CONTEXT:] = padded[:, -CONTEXT - 2 : -2 * CONTEXT - 2 : -1]
    return padded


def _encoded(net: _Network, padded: _Matrix) -> _Matrix:
    """Run spectrum and convolutions of many windows; cell inputs, ``(n, 128)``."""
    n, size = len(padded), padded.itemsize
    strides = (padded.strides[0], _HOP * size, size)
    frames = np.lib.stride_tricks.as_strided(padded, (n, _FRAMES, _FFT), strides)
    magnitude = np.zeros((n, _FRAMES + 2, _BINS), np.float32)
    np.abs(np.fft.rfft(frames * net.taper), out=magnitude[:, 1:-1])
    hidden1 = np.zeros((n, _FRAMES + 2, 128), np.float32)
    rows: _Matrix = _taken(magnitude, step=1) @ net.conv1
    _relu(rows, net.bias1, rows)
    hidden1[:, 1:-1] = rows.reshape(n, _FRAMES, 128)
    hidden2: _Matrix = _taken(hidden1, step=2) @ net.conv2
    _relu(hidden2, net.bias2, hidden2)
    hidden3: _Matrix = hidden2.reshape(n, -1) @ net.conv3
    _relu(hidden3, net.bias3, hidden3)
    hidden4: _Matrix = hidden3 @ net.conv4
    _relu(hidden4, net.bias4, hidden4)
    return hidden4


def _taken(padded: _Matrix, step: int) -> _Matrix:
    """Copy three rows at a time of many maps, ``(n * positions, 3 * channels)``."""
    n, rows, channels = padded.shape
    positions = (rows - 3) // step + 1
    strides = (padded.strides[0], step * padded.strides[1], *padded.strides[1:])
    shape = (n, positions, 3, channels)
    viewed = np.lib.stride_tricks.as_strided(padded, shape, strides, writeable=False)
    return viewed.reshape(n * positions, 3 * channels)


def _rows(padded: _Matrix, step: int) -> _Matrix:
    """View three rows at a time of a padded map, shape ``(positions, 3, channels)``."""
    row, item = padded.strides
    positions = (padded.shape[0] - 3) // step + 1
    return np.lib.stride_tricks.as_strided(
        padded,
        (positions, 3, padded.shape[1]),
        (step * row, row, item),
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

    def open(self) -> VoiceActivity:
        """Return a detector for a new stream."""
        return SileroDetector(self._network)
