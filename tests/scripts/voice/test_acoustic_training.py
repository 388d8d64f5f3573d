"""Training of the acoustic model on made-up sentences: losses, clauses, resumption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from voiceserver.voice.acoustic import AcousticModel, AcousticShape
from voiceserver.voice.features import N_MELS
from voiceserver.voice.phones import MARKS, PAUSE, SYMBOLS

pytest.importorskip("pocketsphinx", reason="sentences come from its alignments")

from scripts.voice.align import Phone
from scripts.voice.features import Utterance
from scripts.voice.sentences import (
    Sentence,
    clauses,
    collate,
    is_question,
    make_sentence,
    measure_prosody,
)
from scripts.voice.train_acoustic import (
    Plan,
    Training,
    Window,
    contour_loss,
    cut_window,
    patch_distance,
)

SHAPE = AcousticShape(16, 1, 2, 16, 1, 16, 1, 16, 1)
PLAN = Plan(20, batch=2, pairs=16, two_draws_from=0.5)


def sentence(words: int, seed: int = 0) -> Sentence:
    """Words of two phones with a pause of 100 ms in the middle."""
    rng = np.random.default_rng(seed)
    phones = [Phone(PAUSE, -1, 5)]
    for w in range(words):
        if w == words // 2 and w:
            phones.append(Phone(PAUSE, -1, 10))
        phones += [Phone("B", w, 4), Phone("AA1", w, 9)]
    frames = sum(p.frames for p in phones)
    u = Utterance(
        f"u{seed}",
        " ".join(["bah"] * words) + ".",
        torch.zeros(frames * 240, dtype=torch.int16),
        torch.from_numpy(rng.normal(-5, 2, (N_MELS, frames)).astype(np.float32)),
        torch.full((frames,), 200.0),
        torch.ones(frames),
    )
    return make_sentence(u, phones)


SENTENCES = [sentence(4, 1), sentence(6, 2)]


def spelled(s: Sentence) -> list[str]:
    """Symbols as text."""
    return [SYMBOLS[i] for i in s.symbols.tolist()]


def test_sentences_end_with_their_mark_and_fill_the_recording() -> None:
    """The full stop has no frames where the recording ends with the last phone."""
    s = sentence(4)
    assert spelled(s)[0] == PAUSE
    assert spelled(s)[-1] == "."
    assert int(s.lengths[-1]) == 0
    assert int(s.lengths.sum()) == s.mel.shape[1]
    assert s.places.tolist()[:3] == [0, 1, 3]


def test_long_pauses_cut_clauses_that_do_not_end_the_sentence() -> None:
    """The first half ends as at a comma, the second with the sentence."""
    first, second = clauses(sentence(4))
    assert MARKS[first.ending] == ","
    assert MARKS[second.ending] == "."
    assert spelled(first)[-1] == ","
    assert spelled(second)[0] == PAUSE
    assert first.mel.shape[1] == int(first.lengths.sum())


def test_prosody_measures_what_it_says() -> None:
    """A rising F0 of 0.1 over the phone is found as such; lengths are log(1 + n)."""
    frames = 40
    f0 = 200 * torch.exp(torch.linspace(-0.05, 0.05, frames))
    u = Utterance(
        "u",
        "a",
        torch.zeros(frames * 240, dtype=torch.int16),
        torch.zeros(N_MELS, frames),
        f0,
        torch.ones(frames),
    )
    length, mean, rise, energy = measure_prosody(u, torch.tensor([frames]))[0].tolist()
    assert length == pytest.approx(np.log(41))
    assert mean == pytest.approx(0, abs=1e-3)
    assert rise == pytest.approx(0.1, rel=0.15)
    assert energy == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Will we ever forget it.", True),
        ("How does your wager look now.", True),
        ("Is it late?", True),
        ("When I came to I was waving my hat.", False),
        ("Don't you see, I'm chewing this thing in two.", False),
    ],
)
def test_questions_with_a_full_stop_are_known(text: str, asks: bool) -> None:
    """The corpus writes them so."""
    assert is_question(text) is asks


def test_saturated_voicing_still_learns() -> None:
    """With an absolute error voicing once stuck at 1 for good."""
    torch.manual_seed(0)
    model = AcousticModel(SHAPE)
    model.contour.stack.outlet.bias.data[2:] = 30.0
    w = cut_window(SENTENCES, model.encoder(collate(SENTENCES)), rng(), 16)
    silent = Window(w.frames, w.mel, w.pitch, torch.zeros_like(w.voicing), w.mask)
    torch.autograd.backward(contour_loss(model, silent)[1])
    grad = model.contour.stack.outlet.bias.grad
    assert grad is not None
    assert grad[2:].min() > 0.1


def rng() -> np.random.Generator:
    """Random numbers of a test."""
    return np.random.default_rng(0)


def test_windows_hold_matching_frames() -> None:
    """Mel, pitch and mask are cut at the same place, padded at the end."""
    model = AcousticModel(SHAPE)
    w = cut_window(SENTENCES, model.encoder(collate(SENTENCES)), rng(), 200)
    for i, s in enumerate(SENTENCES):
        n = s.mel.shape[1]
        assert torch.equal(w.mel[i, :, :n], s.mel)
        assert w.mask[i].sum() == n
        assert not w.mask[i, n:].any()


def test_patch_distance_ignores_padding() -> None:
    """What lies beyond the recording does not count."""
    a, b = torch.zeros(1, N_MELS, 16), torch.zeros(1, N_MELS, 16)
    mask = torch.ones(1, 16)
    mask[:, 8:] = 0
    b[:, :, 8:] = 100
    assert patch_distance(a, b, mask) < 0.01


def test_a_run_may_begin_from_the_weights_of_another(tmp_path: Path) -> None:
    """Not from its prosody, which is trained apart and may have another shape."""
    (tmp_path / "first").mkdir()
    (tmp_path / "next").mkdir()
    first = Training(PLAN, SHAPE, tmp_path / "first")
    first.advance(SENTENCES, SENTENCES)
    first.save()
    plan = replace(PLAN, weights=str(tmp_path / "first"))
    begun = Training(plan, replace(SHAPE, prosody_blocks=2), tmp_path / "next")
    assert begun.step == 0
    ours = begun.net.state_dict()
    for key, value in first.average.weights.items():
        if not key.startswith("prosody."):
            assert torch.equal(ours[key], value)


def test_a_cut_run_equals_an_uncut_one(tmp_path: Path) -> None:
    """Over the change from one draw to two."""
    weights = []
    for name, legs in (("cut", (6, 6)), ("whole", (12,))):
        (tmp_path / name).mkdir()
        for steps in legs:
            training = Training(PLAN, SHAPE, tmp_path / name)
            for _ in range(steps):
                training.advance(SENTENCES, SENTENCES)
            training.save()
        weights.append(training.net.state_dict())
    cut, whole = weights
    assert all(torch.equal(cut[k], whole[k]) for k in whole)
