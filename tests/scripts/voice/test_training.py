"""Training scripts on made-up recordings: splits, resumption, losses.

Networks are tiny and "speech" is a buzz with noise; what is checked is the machinery.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.voice.checkpoint import load_checkpoint, save_checkpoint
from scripts.voice.corpus import Recording, plain_text, read_corpus, validation_names
from scripts.voice.features import Utterance, draw_segments, step_generator
from scripts.voice.losses import energy_distance, plain_distance
from scripts.voice.train_letters import edit_distance
from scripts.voice.train_vocoder import Plan, Training, rate_at
from voiceserver.voice.features import HOP, log_mel
from voiceserver.voice.vocoder import VocoderShape


def buzz(frames: int, seed: int) -> Utterance:
    """A made-up recording."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames * HOP) / 24_000
    x = 0.1 * np.sign(np.sin(2 * np.pi * 150 * t)) + rng.normal(0, 0.01, len(t))
    pcm = torch.from_numpy(np.rint(x * 32767).astype(np.int16))
    mel = log_mel(pcm.float() / 32767)
    return Utterance(
        f"u{seed}", "buzz", pcm, mel, torch.full((frames,), 150.0), torch.ones(frames)
    )


UTTERANCES = [buzz(60, 1), buzz(90, 2)]
LENGTHS = np.array([60, 90])
PLAN = Plan(100, batch=2, frames=40)
SHAPE = VocoderShape(8, 1)


def run(folder: Path, *legs: int) -> dict[str, torch.Tensor]:
    """Train some steps, starting anew from the checkpoint between legs."""
    for steps in legs:
        training = Training(PLAN, SHAPE, folder)
        for _ in range(steps):
            training.advance(UTTERANCES, LENGTHS)
        training.save()
    return training.net.state_dict()


def test_a_cut_run_equals_an_uncut_one(tmp_path: Path) -> None:
    """Resumed from its checkpoint, a run takes the very same steps."""
    for name in ("cut", "whole"):
        (tmp_path / name).mkdir()
    cut, whole = run(tmp_path / "cut", 2, 3), run(tmp_path / "whole", 5)
    assert all(torch.equal(cut[k], whole[k]) for k in whole)


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    """Thirty steps bring the buzz nearer."""
    training = Training(Plan(60, batch=2, frames=40, rate=1e-2), SHAPE, tmp_path)
    losses = [training.advance(UTTERANCES, LENGTHS) for _ in range(30)]
    assert np.mean(losses[-6:]) < 0.9 * np.mean(losses[:6])


def test_rate_warms_up_and_falls_as_a_cosine() -> None:
    """From nothing to the peak in 200 steps, to a hundredth at the end."""
    plan = Plan(10_000)
    assert rate_at(plan, 0) < 0.01 * plan.rate
    assert rate_at(plan, 200) == pytest.approx(plan.rate, rel=0.01)
    assert rate_at(plan, 10_000) == pytest.approx(0.01 * plan.rate)


def test_segments_depend_on_seed_and_step_alone() -> None:
    """The same step draws the same segments; features and samples stay together."""
    one, two = (
        draw_segments(UTTERANCES, LENGTHS, step_generator(1, 7), 4, 30)
        for _ in range(2)
    )
    assert torch.equal(one.wave, two.wave)
    assert one.wave.shape == (4, 30 * HOP)
    inner = slice(4, 26)  # away from edges that the segment's own analysis cannot see
    again = log_mel(one.wave)
    assert torch.allclose(again[:, :, inner], one.mel[:, :, inner], atol=1e-3)


def test_energy_distance_rewards_the_right_amount_of_noise() -> None:
    """Two draws as noisy as the recording beat two quieter or louder ones."""
    rng = torch.Generator().manual_seed(0)

    def hiss(level: float) -> torch.Tensor:
        return torch.randn((4, 12_000), generator=rng) * level

    real = hiss(0.1)
    right = energy_distance(real, hiss(0.1), hiss(0.1))
    assert right < energy_distance(real, hiss(0.06), hiss(0.06))
    assert right < energy_distance(real, hiss(0.16), hiss(0.16))


def test_a_run_goes_on_from_another(tmp_path: Path) -> None:
    """With its weights and its count of steps; the other is left as it was."""
    run(tmp_path, 2)
    other = tmp_path / "other"
    other.mkdir()
    training = Training(replace(PLAN, spread=1.0), SHAPE, other, tmp_path)
    assert training.step == 2
    training.advance(UTTERANCES, LENGTHS)
    training.save()
    assert Training(PLAN, SHAPE, other, tmp_path).step == 3
    assert Training(PLAN, SHAPE, tmp_path).step == 2


def test_plain_distance_of_equals_is_nothing() -> None:
    """A recording is at no distance from itself."""
    x = torch.randn(1, 6000)
    assert plain_distance(x, x).item() == 0


def test_plain_distance_grows_with_the_wrong_level() -> None:
    """Noise of the right level is nearer than noise half or twice as loud."""
    rng = torch.Generator().manual_seed(0)
    real, right, other = (torch.randn((4, 12_000), generator=rng) for _ in range(3))
    near = plain_distance(real, right)
    assert near < plain_distance(real, 0.5 * other)
    assert near < plain_distance(real, 2 * other)


def test_checkpoints_are_whole_or_absent(tmp_path: Path) -> None:
    """Saving leaves no partial file; a missing one is None."""
    path = tmp_path / "checkpoint.pt"
    assert load_checkpoint(path) is None
    save_checkpoint(path, {"step": 3, "net": {"w": torch.ones(2)}})
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]
    state = load_checkpoint(path)
    assert state is not None
    assert state["step"] == 3


def test_edit_distance() -> None:
    """One replacement, one insertion."""
    assert edit_distance(list("kitten"), list("sitting")) == 3
    assert edit_distance([], ["a"]) == 1


def corpus(tmp_path: Path, rows: list[tuple[str, str]]) -> list[Recording]:
    """A corpus folder with a table and no recordings."""
    lines = ["file\tseconds\ttext", *(f"{f}.flac\t1.0\t{t}" for f, t in rows)]
    (tmp_path / "transcripts.tsv").write_text("\n".join(lines) + "\n")
    return read_corpus(tmp_path)


def test_takes_of_a_text_are_on_one_side(tmp_path: Path) -> None:
    """Takes of a prompt, and prompts of the same words, are never split."""
    rows = [
        (f"p{n:04d}_10000000{take}", f"Sentence {chr(97 + n % 26)} {n % 7} end.")
        for n in range(200)
        for take in range(2)
    ]
    recordings = corpus(tmp_path, rows)
    kept = validation_names(recordings)
    assert 0 < len(kept) < len(rows) / 2
    sides: dict[str, set[bool]] = {}
    for r in recordings:
        sides.setdefault(plain_text(r.text), set()).add(r.name in kept)
        sides.setdefault(r.name.split("_")[0], set()).add(r.name in kept)
    assert all(len(side) == 1 for side in sides.values())


def test_ljspeech_folders_are_read(tmp_path: Path) -> None:
    """``metadata.csv`` with the normalised text last."""
    (tmp_path / "metadata.csv").write_text("a1|5 cats|five cats\na2|x|y\n")
    first = read_corpus(tmp_path)[0]
    assert (first.name, first.text) == ("a1", "five cats")
    assert first.path == tmp_path / "wavs" / "a1.wav"


def test_a_folder_without_texts_is_an_error(tmp_path: Path) -> None:
    """The message names what was looked for."""
    (tmp_path / "x.json").write_text(json.dumps({}))
    with pytest.raises(FileNotFoundError, match=r"transcripts\.tsv"):
        read_corpus(tmp_path)
