"""Sharpening the decoder against discriminators: what moves, what stays, resumption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from voiceserver.voice.acoustic import AcousticModel
from voiceserver.voice.features import N_MELS

pytest.importorskip("pocketsphinx", reason="sentences come from its alignments")

from scripts.voice.checkpoint import average_weights, load_checkpoint
from scripts.voice.discriminators import Discriminators
from scripts.voice.export import export_run
from scripts.voice.train_acoustic import Training
from scripts.voice.train_decoder import Plan, Sharpening, movement_ratios
from tests.scripts.voice.test_acoustic_training import PLAN, SENTENCES, SHAPE


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Goes on from an acoustic run of one step."""
    (tmp_path / "acoustic").mkdir()
    training = Training(PLAN, SHAPE, tmp_path / "acoustic")
    training.advance(SENTENCES, SENTENCES)
    training.save()
    return Plan(str(tmp_path / "acoustic"), 20, 0.5, 1.0, 0.5, 2, 2, pairs=16)


def started(plan: Plan, run: Path) -> Sharpening:
    """A run in a folder of its own."""
    run.mkdir(exist_ok=True)
    return Sharpening(plan, run)


def test_discriminators_learn_to_tell_and_say_so() -> None:
    """Made spectra without movement against recorded ones with it."""
    torch.manual_seed(0)
    judges = Discriminators()
    optimiser = torch.optim.Adam(judges.parameters(), 2e-3)
    made = torch.full((4, N_MELS, 32), -5.0)
    for _ in range(30):
        error = judges.error(torch.randn(4, N_MELS, 32) - 5, made)
        optimiser.zero_grad()
        torch.autograd.backward(error)
        optimiser.step()
    real = torch.randn(4, N_MELS, 32) - 5
    assert judges.error(real, made) < 0.1
    assert judges.reproach(real, made)[0] > 3 * judges.reproach(real, real)[0]


def test_features_of_the_recording_itself_are_not_apart() -> None:
    """The comparison is of like with like."""
    real = torch.randn(2, N_MELS, 16) - 5
    assert Discriminators().reproach(real, real)[1] == 0


def test_movement_is_measured_where_it_is() -> None:
    """Half the movement at 20 Hz is a ratio of a half in its band alone."""
    time = torch.arange(200) / 100
    slow, fast = (
        torch.sin(12 * torch.pi * 2 * time),
        torch.sin(20 * torch.pi * 2 * time),
    )
    real, made = (
        (slow + part * fast).expand(1, N_MELS, -1).contiguous() for part in (1, 0.5)
    )
    ratios = movement_ratios(real, made)
    assert ratios["movement_8_16_hz"] == pytest.approx(1, abs=0.02)
    assert ratios["movement_16_32_hz"] == pytest.approx(0.5, abs=0.02)


def test_only_the_decoder_moves_and_only_once_the_judges_can_tell(
    plan: Plan, tmp_path: Path
) -> None:
    """Encoder, contours and prosody are the acoustic run's."""
    run = started(plan, tmp_path / "run")
    before = {k: v.clone() for k, v in run.net.state_dict().items()}
    run.advance(SENTENCES, SENTENCES)
    assert all(torch.equal(v, before[k]) for k, v in run.net.state_dict().items())
    for _ in range(3):
        run.advance(SENTENCES, SENTENCES)
    moved = {k for k, v in run.net.state_dict().items() if not v.equal(before[k])}
    assert moved
    assert all(name.startswith("decoder.") for name in moved)


def test_a_cut_run_equals_an_uncut_one(plan: Plan, tmp_path: Path) -> None:
    """Discriminators and both optimisers go on where they were."""
    weights = []
    for name, legs in (("cut", (3, 3)), ("whole", (6,))):
        for steps in legs:
            run = started(plan, tmp_path / name)
            for _ in range(steps):
                run.advance(SENTENCES, SENTENCES)
            run.save()
        weights.append(run.net.state_dict() | run.judges.state_dict())
    cut, whole = weights
    assert all(torch.equal(cut[k], whole[k]) for k in whole)


def test_it_is_exported_as_an_acoustic_run(plan: Plan, tmp_path: Path) -> None:
    """In the place of the run it went on from."""
    run = started(plan, tmp_path / "run")
    for _ in range(4):
        run.advance(SENTENCES, SENTENCES)
    run.save()
    assert export_run("acoustic", tmp_path / "run", tmp_path) == 4
    state = load_checkpoint(tmp_path / "run" / "checkpoint.pt")
    assert state is not None
    AcousticModel(SHAPE).load_state_dict(average_weights(state))


def test_a_run_to_go_on_from_must_be_there(plan: Plan, tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        started(replace(plan, weights=str(tmp_path / "nowhere")), tmp_path / "run")
