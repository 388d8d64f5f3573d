"""Clauses spoken in a batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.voice.test_speaker import some_clause, tiny_model
from voiceserver.voice.batch import BUCKET, BatchSpeaker, prepare
from voiceserver.voice.networks.features import HOP
from voiceserver.voice.plan import Manner, plan_clause
from voiceserver.voice.speaker import Samples, speak_whole
from voiceserver.voice.words.clause import Clause
from voiceserver.voice.words.phones import INDEX, MARKS

CLAUSES = [some_clause(n, seed=n) for n in (3, 12, 7, 40)]
MANNERS = [
    Manner(seed=1),
    Manner(seed=2, speed=1.3, pitch=2.0),
    Manner(seed=3, temperature=0.0, texture=0.0),
    Manner(seed=4, pitch_range=1.4, energy_db=3.0),
]


def test_each_clause_comes_out_as_alone() -> None:
    """Whatever its company: F0 differs in its last digits, and phases add that up."""
    model, net = tiny_model()
    together = BatchSpeaker(model, net).speak(CLAUSES, MANNERS)
    for clause, manner, made in zip(CLAUSES, MANNERS, together, strict=True):
        alone = speak_whole(model, net, plan_clause(model, clause, manner))
        assert made.shape == alone.shape
        assert distance_db(alone, made) > 50


def test_a_question_rises_among_others_too() -> None:
    """As it does alone; and its commas are as long."""
    model, _ = tiny_model()
    words = tuple(INDEX[s] for s in ("_", "W", "AH1", "N", ",", "T", "UW1", "?"))
    places = (0, 1, 2, 3, 0, 1, 3, 0)
    asked = Clause(words, places, MARKS.index("?"), (), 0, rises=True)
    manner = Manner(seed=5)
    batch, counts = prepare(model, [CLAUSES[1], asked], [MANNERS[0], manner])
    alone = plan_clause(model, asked, manner)
    assert counts[1] == alone.n_frames
    cues = batch.cues[1, : alone.n_frames]
    assert torch.allclose(cues, alone.frames.cues[0], atol=1e-4)
    flat, _ = prepare(model, [replace(asked, rises=False)], [manner])
    assert bool((cues[:, 2] > flat.cues[0, : alone.n_frames, 2]).any())


def distance_db(one: Samples, other: Samples) -> float:
    """How far the difference lies below the first."""
    rest = np.sqrt(np.mean((one - other) ** 2)) / np.sqrt(np.mean(one**2))
    return float(-20 * np.log10(rest + 1e-12))


def test_lengths_fall_into_buckets() -> None:
    """So that few shapes need to be captured."""
    model, _ = tiny_model()
    batch, counts = prepare(model, CLAUSES, MANNERS)
    assert batch.mask.shape[1] % BUCKET == 0
    assert batch.mask.sum(1).long().tolist() == counts


def test_no_clauses_are_no_speech() -> None:
    """Nor an error."""
    model, net = tiny_model()
    assert BatchSpeaker(model, net).speak([], []) == []


def test_half_precision_is_near() -> None:
    """The same prosody, and no sample out of range."""
    model, net = tiny_model()
    full = BatchSpeaker(model, net).speak(CLAUSES[:1], MANNERS[:1])[0]
    half = BatchSpeaker(model, net, half=True).speak(CLAUSES[:1], MANNERS[:1])[0]
    assert full.shape == half.shape
    assert np.isfinite(half).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_replayed_graph_gives_what_eager_gives() -> None:
    """For new inputs of the same shape too."""
    model, net = tiny_model()
    model.cuda()
    net.cuda()
    eager = BatchSpeaker(model, net)
    graphs = BatchSpeaker(model, net, graphs=True)
    for seed in (1, 2, 3):
        manners = [Manner(seed=seed + k) for k in range(4)]
        for a, b in zip(
            eager.speak(CLAUSES, manners), graphs.speak(CLAUSES, manners), strict=True
        ):
            assert len(a) % HOP == 0
            assert distance_db(a, b) > 50
