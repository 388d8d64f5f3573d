"""smart-turn, on recordings where the model was fetched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.recordings import recording
from voiceserver.audio import MIC_RATE, to_int16
from voiceserver.errors import EngineFailed
from voiceserver.weights.place import FOLDER_VARIABLE

smart_turn = pytest.importorskip(
    "voiceserver.engines.acoustic.smart_turn",
    reason="the extra 'turns' is not installed",
)


def test_features_are_of_eight_seconds_with_the_present_at_their_end() -> None:
    """Shorter audio has silence before it; of longer the newest counts."""
    noise = np.random.default_rng(0).normal(0, 0.1, 10 * MIC_RATE).astype(np.float32)
    short = smart_turn.turn_features(noise[: 2 * MIC_RATE])
    assert short.shape == (80, 800)
    assert short[:, :590].max() < short[:, 610:].mean()
    newest = smart_turn.turn_features(noise[-8 * MIC_RATE :])
    assert np.array_equal(smart_turn.turn_features(noise), newest)


def test_loudness_does_not_matter() -> None:
    """The model knows one loudness."""
    noise = np.random.default_rng(0).normal(0, 0.1, 8 * MIC_RATE).astype(np.float32)
    loud, faint = smart_turn.turn_features(noise), smart_turn.turn_features(noise / 10)
    assert np.allclose(loud, faint, atol=1e-3)


@pytest.mark.weights("smart-turn")
@pytest.mark.speech
def test_a_whole_request_ends_and_half_of_it_does_not() -> None:
    """As pipecat's own code scores the same audio."""
    core = smart_turn.load({})
    pcm = to_int16(recording("speech/command/cards_001.wav"))  # "ten of clubs"
    assert core.probability(pcm) == pytest.approx(0.988, abs=0.01)
    pcm = to_int16(recording("speech/read/sb_spk2_snt2.wav"))
    assert core.probability(pcm) == pytest.approx(0.962, abs=0.05)
    # As the network has it in float32, too; products that overflow may say otherwise.
    assert core.probability(pcm[: int(1.2 * MIC_RATE)]) == pytest.approx(0.009, abs=0.1)


def test_a_file_that_is_no_model_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the right size, even."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "smart-turn").mkdir()
    with (tmp_path / "smart-turn" / smart_turn.FILE).open("wb") as stream:
        stream.truncate(8_679_182)
    with pytest.raises(EngineFailed, match=f"{smart_turn.FILE} cannot be loaded"):
        smart_turn.load({})
