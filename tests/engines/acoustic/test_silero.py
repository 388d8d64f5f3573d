"""Silero's model as numpy products."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recordings import recording
from voiceserver.audio import Samples
from voiceserver.engines.acoustic.silero import WINDOW, Silero, weights_path
from voiceserver.engines.base import VoiceActivity, VoiceActivityEngine
from voiceserver.errors import EngineFailed

SILERO = Silero()


@pytest.fixture(scope="module")
def engine() -> VoiceActivityEngine:
    return SILERO


def probabilities(detector: VoiceActivity, samples: Samples) -> Samples:
    """Probability of each whole window."""
    starts = range(0, len(samples) - WINDOW + 1, WINDOW)
    return np.array(
        [detector.probability(samples[at : at + WINDOW]) for at in starts], np.float32
    )


def test_a_window_is_32_ms(engine: VoiceActivityEngine) -> None:
    """512 samples at 16 kHz."""
    assert engine.open().window == 512


def test_silence_is_not_speech(engine: VoiceActivityEngine) -> None:
    """Digital silence stays far under any threshold."""
    assert probabilities(engine.open(), np.zeros(16_000, np.float32)).max() < 0.1


def test_a_tone_is_not_speech(engine: VoiceActivityEngine) -> None:
    """A loud steady tone is no voice."""
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000)
    assert probabilities(engine.open(), tone.astype(np.float32))[10:].max() < 0.5


def test_detectors_do_not_share_state(engine: VoiceActivityEngine) -> None:
    """What one stream holds does not change another's answers."""
    rng = np.random.default_rng(1)
    samples = rng.normal(0, 0.1, 8 * WINDOW).astype(np.float32)
    alone = probabilities(engine.open(), samples)
    first, second = engine.open(), engine.open()
    for at in range(0, len(samples), WINDOW):
        other = first.probability(samples[at : at + WINDOW][::-1].copy())
        here = second.probability(samples[at : at + WINDOW])
        assert here == pytest.approx(alone[at // WINDOW], abs=1e-6)
        assert 0 <= other <= 1


def test_reset_forgets_the_stream(engine: VoiceActivityEngine) -> None:
    """After a reset the same audio gives the same answers."""
    samples = np.random.default_rng(2).normal(0, 0.1, 8 * WINDOW).astype(np.float32)
    detector = engine.open()
    before = probabilities(detector, samples)
    detector.reset()
    assert np.array_equal(before, probabilities(detector, samples))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_do_not_poison_the_stream(
    engine: VoiceActivityEngine, bad: float
) -> None:
    """A window with NaN or infinity is heard as silence there, and passes."""
    detector = engine.open()
    window = np.full(WINDOW, 0.01, np.float32)
    window[7] = bad
    assert 0 <= detector.probability(window) <= 1
    assert np.isfinite(probabilities(detector, np.zeros(10 * WINDOW, np.float32))).all()


def test_the_caller_keeps_its_window(engine: VoiceActivityEngine) -> None:
    """The window given is not written to, even to mend it."""
    window = np.full(WINDOW, np.nan, np.float32)
    engine.open().probability(window)
    assert np.isnan(window).all()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.integers(0, 1000),
    st.sampled_from([1e-5, 0.01, 1.0]),
)
def test_windows_together_are_as_one_by_one(
    sizes: list[int], seed: int, loud: float
) -> None:
    """However they are grouped, digital silence and what is not finite among them."""
    rng = np.random.default_rng(seed)
    windows = rng.normal(0, loud, (sum(sizes), WINDOW)).astype(np.float32)
    windows[rng.integers(len(windows))] = 0
    windows[rng.integers(len(windows)), 7] = np.nan
    one, many = SILERO.open(), SILERO.open()
    alone = [one.probability(window) for window in windows]
    together: list[float] = []
    for size in sizes:
        together += many.probabilities([*windows[len(together) :][:size]])
    assert together == pytest.approx(alone, abs=1e-4)
    assert one.probability(windows[0]) == pytest.approx(
        many.probability(windows[0]), abs=1e-4
    )


def test_no_windows_have_no_probabilities(engine: VoiceActivityEngine) -> None:
    """And change nothing."""
    assert engine.open().probabilities([]) == []


def test_a_window_of_another_length_is_refused(engine: VoiceActivityEngine) -> None:
    """Re-blocking is the caller's work; a slip is not hidden."""
    with pytest.raises(ValueError, match="512"):
        engine.open().probability(np.zeros(480, np.float32))
    with pytest.raises(ValueError, match="512"):
        engine.open().probabilities([np.zeros(512, np.float32), np.zeros(480, "f4")])


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    """The message names the file and the command that mends it."""
    with pytest.raises(EngineFailed, match=r"absent\.jit.*pip install"):
        Silero(tmp_path / "absent.jit")


def test_a_cut_off_model_says_what_to_do(tmp_path: Path) -> None:
    """Half a download is no model."""
    path = tmp_path / "half.jit"
    path.write_bytes(weights_path().read_bytes()[:1_000_000])
    with pytest.raises(EngineFailed, match="reinstall"):
        Silero(path)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """The archive's checksums are read."""
    path = tmp_path / "flipped.jit"
    content = bytearray(weights_path().read_bytes())
    content[150_000] ^= 0x40  # inside the first tensor, 264 kB long
    path.write_bytes(content)
    with pytest.raises(EngineFailed, match="reinstall"):
        Silero(path)


def test_another_model_is_refused(tmp_path: Path) -> None:
    """An archive with tensors of other sizes is not run."""
    path = tmp_path / "other.jit"
    with zipfile.ZipFile(path, "w") as archive:
        for member in range(17):
            archive.writestr(f"model/data/{member}", b"\0" * 64)
    with pytest.raises(EngineFailed, match=r"not the model of version 6\.2"):
        Silero(path)


def test_neither_torch_nor_onnxruntime_is_imported() -> None:
    """The media process stays small."""
    program = (
        "import sys; from voiceserver.engines.acoustic.silero import Silero;"
        "Silero().open();"
        "print(sorted({'torch', 'onnxruntime', 'silero_vad'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.speech
@pytest.mark.filterwarnings("ignore:.*torch.jit.load.*:DeprecationWarning")
@pytest.mark.parametrize(
    "name",
    [
        "speech/command/brooklyn.wav",
        "speech/turns/pyannote_sample.flac",
        "speech/noise/sb_noise5.flac",
    ],
)
def test_probabilities_equal_those_of_the_wheel(
    engine: VoiceActivityEngine, name: str
) -> None:
    """Within 1e-4 of the TorchScript model, state carried over the whole recording."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more only wait for each other
    model = torch.jit.load(str(weights_path()))
    samples = recording(name)[: 10 * 16_000]
    ours = probabilities(engine.open(), samples)
    with torch.no_grad(), torch.jit.optimized_execution(False):
        theirs = [
            float(model(torch.from_numpy(samples[at : at + WINDOW]), 16_000))
            for at in range(0, len(samples) - WINDOW + 1, WINDOW)
        ]
    torch.set_num_threads(threads)
    assert np.abs(ours - np.array(theirs)).max() < 1e-4


@pytest.mark.speech
def test_speech_is_heard(engine: VoiceActivityEngine) -> None:
    """Most windows of a spoken question are speech."""
    heard = probabilities(engine.open(), recording("speech/command/brooklyn.wav"))
    assert (heard > 0.5).mean() > 0.6
