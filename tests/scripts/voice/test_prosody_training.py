"""Training of the prosody net on made-up sentences."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip("pocketsphinx", reason="sentences come from its alignments")

from scripts.voice.export import export_run
from scripts.voice.train_acoustic import Training as AcousticTraining
from scripts.voice.train_prosody import Plan, Training
from tests.scripts.voice.test_acoustic_training import PLAN as ACOUSTIC_PLAN
from tests.scripts.voice.test_acoustic_training import SENTENCES, SHAPE
from voiceserver.voice.weights import load_acoustic

PLAN = Plan(40, batch=2)


def run(folder: Path, steps: int) -> Training:
    folder.mkdir(exist_ok=True)
    training = Training(PLAN, SHAPE, folder)
    training.fit_units(SENTENCES)
    for _ in range(steps):
        training.advance(SENTENCES, SENTENCES)
    return training


def test_a_cut_run_equals_an_uncut_one(tmp_path: Path) -> None:
    """The best weights so far included."""
    cut = run(tmp_path / "cut", 6)
    cut.validate(SENTENCES)
    cut.save()
    cut = run(tmp_path / "cut", 6)
    whole = run(tmp_path / "whole", 6)
    whole.validate(SENTENCES)
    for _ in range(6):
        whole.advance(SENTENCES, SENTENCES)
    one, other = cut.net.state_dict(), whole.net.state_dict()
    assert all(torch.equal(one[k], other[k]) for k in other)
    assert cut.best[0] == whole.best[0]
    assert all(torch.equal(cut.best[1][k], v) for k, v in whole.best[1].items())


def test_the_best_weights_are_kept_not_the_last(tmp_path: Path) -> None:
    """What was learnt by heart afterwards does not count."""
    training = run(tmp_path / "run", 5)
    loss = training.validate(SENTENCES)
    for weights in training.average.weights.values():
        weights.mul_(3.0)
    assert training.validate(SENTENCES) > loss
    assert training.best[0] == loss
    assert not torch.equal(
        training.best[1]["head.weight"], training.average.weights["head.weight"]
    )


def test_it_goes_into_the_acoustic_model(tmp_path: Path) -> None:
    """In the units of its corpus."""
    prosody = run(tmp_path / "prosody", 2)
    prosody.save()
    acoustic = tmp_path / "acoustic"
    acoustic.mkdir()
    AcousticTraining(ACOUSTIC_PLAN, SHAPE, acoustic).save()
    assert export_run("acoustic", acoustic, tmp_path, tmp_path / "prosody") == 0
    model = load_acoustic(tmp_path / "acoustic.safetensors")
    assert torch.allclose(model.prosody.mean, prosody.best[1]["mean"], atol=1e-2)
