"""Model files: round trip, and what is refused."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from voiceserver.voice.networks.vocoder import VocoderNet, VocoderShape
from voiceserver.voice.weights import (
    WeightsError,
    load_acoustic,
    load_letters,
    load_vocoder,
    save_weights,
)
from voiceserver.voice.words.letters import LettersNet, LettersShape

SHAPE = VocoderShape(8, 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small vocoder on disk."""
    torch.manual_seed(0)
    out = tmp_path / "vocoder.safetensors"
    save_weights(out, "vocoder", SHAPE, VocoderNet(SHAPE).state_dict())
    return out


def test_weights_come_back_in_half_precision(path: Path) -> None:
    """Shape and values survive; the network is ready for use."""
    net = load_vocoder(path)
    torch.manual_seed(0)
    wanted = VocoderNet(SHAPE).state_dict()
    assert net.shape == SHAPE
    assert not net.training
    for name, value in net.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.allclose(value, wanted[name], atol=1e-3)


def test_missing_file(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(WeightsError, match=r"nothing\.safetensors"):
        load_vocoder(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("keep", [0, 7, 100, -10])
def test_cut_file(path: Path, keep: int) -> None:
    """A truncated file is an error, not garbage."""
    whole = path.read_bytes()
    path.write_bytes(whole[:keep])
    with pytest.raises(WeightsError):
        load_vocoder(path)


def test_another_kind(path: Path) -> None:
    """A vocoder is not an acoustic model."""
    with pytest.raises(WeightsError, match="not a model of kind acoustic"):
        load_acoustic(path)
    with pytest.raises(WeightsError, match="kind letters"):
        load_letters(path)


def test_foreign_file(tmp_path: Path) -> None:
    """Somebody else's safetensors have no format of ours."""
    path = tmp_path / "foreign.safetensors"
    save_file({"x": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match="format none"):
        load_vocoder(path)


def test_weights_of_the_old_format_say_what_to_do(path: Path, tmp_path: Path) -> None:
    """Format 1 of a voice is refused by its number, with both ways out."""
    with safe_open(path, "pt") as f:
        tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118
        described = {**f.metadata(), "format": "1"}
    old = tmp_path / "old.safetensors"
    save_file(tensors, old, described)
    cure = r"format 1; this version reads 2: train the voice anew .* comes along"
    with pytest.raises(WeightsError, match=cure):
        load_vocoder(old)


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    """A network of another size, or with values that are not finite, is refused."""
    path = tmp_path / "w.safetensors"
    save_weights(path, "vocoder", VocoderShape(16, 1), VocoderNet(SHAPE).state_dict())
    with pytest.raises(WeightsError, match="does not fit"):
        load_vocoder(path)
    net = LettersNet(LettersShape(4, 8))
    net.outlet.bias.data[0] = float("nan")
    save_weights(path, "letters", LettersShape(4, 8), net.state_dict())
    with pytest.raises(WeightsError, match="not finite"):
        load_letters(path)


def test_shape_of_another_network(tmp_path: Path) -> None:
    """Unknown fields of the shape are named."""
    path = tmp_path / "w.safetensors"
    assert "letter_width" in asdict(LettersShape())
    save_weights(path, "vocoder", LettersShape(), VocoderNet(SHAPE).state_dict())
    with pytest.raises(WeightsError, match="another kind"):
        load_vocoder(path)
