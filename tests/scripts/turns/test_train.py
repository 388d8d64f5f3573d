"""Training the weights of a turn's end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts.turns import train
from scripts.turns.pauses import EVER, Pause, stored
from scripts.turns.train import fit, folds, found_again
from voiceserver.turns.ending import Evidence


def made_up(n_pauses: int = 200) -> list[Pause]:
    """Pauses whose sound tells; one hold in four lasts longer than 400 ms."""
    random = np.random.default_rng(0)
    found = []
    for at in range(n_pauses):
        over = at % 2 == 0
        sound = float(random.beta(4, 2) if over else random.beta(2, 4))
        length = EVER if over else 200 * (1 + float(random.pareto(2.0)))
        name = f"r{at // 4}"
        found.append(Pause(name, "read", 0, 0, length, over, 1e3, (), (sound,)))
    return found


def test_what_tells_weighs_and_silence_as_holds_grow_fewer() -> None:
    """The exponent of the made-up holds is 2."""
    weights = fit(made_up(2000))
    assert 1.8 < weights.weights["silence"] < 2.2
    assert weights.weights["sound"] > 0.5
    waits = [weights.wait_ms(Evidence(p, voiced_ms=1e3), 0.9) for p in (0.2, 0.9)]
    assert waits[0] > waits[1]


def test_what_is_known_to_be_no_evidence_gets_no_weight() -> None:
    """Pauses after dangling words that all were ends teach nothing of the kind."""
    dangling = [
        Pause("r", "read", 0, 0, EVER, True, 1e3, (), (0.5,), "and the")
        for _ in range(50)
    ]
    assert fit(made_up() + dangling).weights.get("incomplete", 0) <= 0


def test_a_recording_is_in_one_fold() -> None:
    """Else it would help to judge itself."""
    found = made_up()
    number = folds(found)
    of = {pause.recording: n for pause, n in zip(found, number, strict=True)}
    assert all(of[p.recording] == n for p, n in zip(found, number, strict=True))
    assert set(number) == set(range(10))


def test_pauses_are_kept_before_their_words_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recogniser that fails costs no second search; what was kept is taken again."""
    some = made_up(4)
    monkeypatch.setattr(train, "find", lambda _data: some)
    kept = tmp_path / "pauses.jsonl"
    assert found_again(None, kept, tmp_path) == some
    assert stored(kept) == some
    monkeypatch.setattr(train, "find", lambda _data: pytest.fail("searched again"))
    assert found_again(kept, None, tmp_path) == some
