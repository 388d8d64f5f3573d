"""Joint training on made-up lessons: it learns, resumes, and becomes a voice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.voice.export import SPEAKERS_FILE, export_speech
from scripts.voice.train_jointly import Plan, Training
from scripts.voice.train_prosody import Plan as ProsodyPlan
from scripts.voice.train_prosody import Training as ProsodyTraining
from tests.scripts.voice.test_shelf import SHELF
from voiceserver.voice.networks.acoustic import AcousticShape
from voiceserver.voice.networks.vocoder import VocoderShape
from voiceserver.voice.weights import WeightsError, load_acoustic, speaker_names

SHAPES = (AcousticShape(16, 1, 2, 16, 1, 16, 1, 16, 1, speakers=2), VocoderShape(8, 1))
PLAN = Plan(10, batch=2, frames=64, judged_from=0.3, tiny=True, rate=1e-2)


def run(folder: Path, *legs: int) -> Training:
    """Train some steps, starting anew from the checkpoint between legs."""
    folder.mkdir(exist_ok=True)
    for steps in legs:
        training = Training(PLAN, SHAPES, SHELF, folder)
        for _ in range(steps):
            training.advance(0.0)
        training.save()
    return training


def test_a_cut_run_equals_an_uncut_one(tmp_path: Path) -> None:
    """Also across the step from which on waveforms are judged."""
    cut, whole = run(tmp_path / "cut", 2, 3), run(tmp_path / "whole", 5)
    one, other = cut.net.state_dict(), whole.net.state_dict()
    assert all(torch.equal(one[k], other[k]) for k in other)
    one, other = cut.judges.state_dict(), whole.judges.state_dict()
    assert all(torch.equal(one[k], other[k]) for k in other)


def test_training_lowers_the_distances(tmp_path: Path) -> None:
    """Thirty steps bring spectra nearer to the buzz."""
    plan = Plan(200, batch=2, frames=64, judged_from=1.0, tiny=True, rate=5e-2)
    training = Training(plan, SHAPES, SHELF, tmp_path)
    losses = [training.advance(0.0)["near"].item() for _ in range(30)]
    assert np.mean(losses[-6:]) < np.mean(losses[:6])


def test_both_runs_go_into_one_voice(tmp_path: Path) -> None:
    """With the speakers' names; a file that does not name all is refused."""
    joint = run(tmp_path / "joint", 1)
    names = tmp_path / "joint" / SPEAKERS_FILE
    names.write_text(json.dumps(["ann", "bob"]))
    folder = tmp_path / "prosody"
    folder.mkdir()
    prosody = ProsodyTraining(ProsodyPlan(4, batch=2), SHAPES[0], folder)
    prosody.fit_units(SHELF)
    prosody.save()
    assert export_speech(joint.folder, folder, tmp_path) == 1
    path = tmp_path / "acoustic.safetensors"
    assert speaker_names(path) == ("ann", "bob")
    model = load_acoustic(path)
    assert torch.allclose(model.prosody.mean, SHELF.units(2)[0], atol=1e-2)
    names.write_text(json.dumps(["ann"]))
    export_speech(joint.folder, folder, tmp_path)
    with pytest.raises(WeightsError, match="each of its speakers"):
        speaker_names(path)
