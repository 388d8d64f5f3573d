"""Training of the prosody net on made-up lessons."""

from __future__ import annotations

from pathlib import Path

import torch

from scripts.voice.train_prosody import Plan, Training
from tests.scripts.voice.test_joint_training import SHAPES
from tests.scripts.voice.test_shelf import SHELF

PLAN = Plan(40, batch=2)


def run(folder: Path, steps: int) -> Training:
    """Some steps, from the checkpoint where there is one."""
    folder.mkdir(exist_ok=True)
    training = Training(PLAN, SHAPES[0], folder)
    training.fit_units(SHELF)
    for _ in range(steps):
        training.advance(SHELF)
    return training


def test_a_cut_run_equals_an_uncut_one(tmp_path: Path) -> None:
    """The best weights so far included."""
    cut = run(tmp_path / "cut", 3)
    cut.validate(SHELF)
    cut.save()
    cut = run(tmp_path / "cut", 3)
    whole = run(tmp_path / "whole", 3)
    whole.validate(SHELF)
    for _ in range(3):
        whole.advance(SHELF)
    one, other = cut.net.state_dict(), whole.net.state_dict()
    assert all(torch.equal(one[k], other[k]) for k in other)
    assert cut.best[0] == whole.best[0]
    assert all(torch.equal(cut.best[1][k], v) for k, v in whole.best[1].items())


def test_the_best_weights_are_kept_not_the_last(tmp_path: Path) -> None:
    """What was learnt by heart afterwards does not count."""
    training = run(tmp_path / "run", 2)
    loss = training.validate(SHELF)
    for weights in training.average.weights.values():
        weights.mul_(3.0)
    assert training.validate(SHELF) > loss
    assert training.best[0] == loss
    assert not torch.equal(
        training.best[1]["head.weight"], training.average.weights["head.weight"]
    )
