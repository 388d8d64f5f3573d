"""A run is stopped and goes on; the commands of all trainings do."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from collections.abc import Mapping
from importlib import import_module
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import nn

from scripts.voice import run as running
from scripts.voice.checkpoint import load_checkpoint
from scripts.voice.features import step_generator
from scripts.voice.run import (
    CHECKPOINT,
    JOURNAL,
    Run,
    Schedule,
    carry_on,
    falling,
    means,
    warming,
)
from tests.scripts.voice.lessons import packed


class Line(Run[nn.Linear]):
    """Learns to double a number."""

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(3)
        net = nn.Linear(1, 1)
        optimiser = torch.optim.AdamW(net.parameters(), 0.1)
        super().__init__(folder, net, optimiser, 0.9, {"shape": {"width": 1}})
        self.resume()

    def advance(self, _gone: float = 0.0) -> Mapping[str, float]:
        number = float(step_generator(1, self.step).random())
        loss = (self.net(torch.tensor([number])) - 2 * number).square().sum()
        self.descend(loss, 0.1, 1.0)
        return {"loss": loss.item()}

    def score(self) -> Mapping[str, float]:
        with self.averaged() as net:
            return {"missed": abs(float(net(torch.ones(1))) - 2)}


def trained(folder: Path, *lengths: int, minutes: float = 9.0) -> Line:
    """Carry on to one length after the other, each time as a new process would."""
    folder.mkdir(exist_ok=True)
    for steps in lengths:
        line = Line(folder)
        carry_on(line, Schedule(steps, 2, 4), minutes, line.advance, line.score)
    return line


def numbers(state: object) -> object:
    """Tensors as lists, to be compared bit by bit."""
    if isinstance(state, torch.Tensor):
        return state.tolist()
    if isinstance(state, Mapping):
        return {name: numbers(held) for name, held in state.items()}
    return state


def entries(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()]


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    """Weights, their average, the optimiser and the losses are the same."""
    cut, whole = trained(tmp_path / "cut", 4, 12), trained(tmp_path / "whole", 12)
    for name, part in whole.parts().items():
        assert numbers(cut.parts()[name].state_dict()) == numbers(part.state_dict())
    assert numbers(cut.average.weights) == numbers(whole.average.weights)
    losses = [
        [e["loss"] for e in entries(tmp_path / name) if "loss" in e]
        for name in ("cut", "whole")
    ]
    assert losses[0] == losses[1]


def test_the_journal_has_mean_losses_and_scores(tmp_path: Path) -> None:
    """A line for each entry; scores at their steps and at the end."""
    trained(tmp_path, 6)
    steps = [entry["step"] for entry in entries(tmp_path)]
    assert steps == [2, 4, 6, 6]
    assert [("loss" in e, "missed" in e) for e in entries(tmp_path)] == [
        (True, False),
        (True, True),
        (True, False),
        (False, True),
    ]
    line = Line(tmp_path / "again")
    first_two = [line.advance()["loss"] for _ in range(2)]
    assert entries(tmp_path)[0]["loss"] == pytest.approx(sum(first_two) / 2, abs=1e-5)


def test_losses_that_begin_later_are_no_numbers_at_first() -> None:
    """A mean over part of the steps would pass for one over all."""
    found = means([{"a": 1.0}, {"a": 3.0, "b": 5.0}])
    assert found["a"] == 2
    assert found["b"] != found["b"]


def test_a_run_without_time_leaves_a_checkpoint(tmp_path: Path) -> None:
    """Of no step; the next goes on from it."""
    assert trained(tmp_path, 6, minutes=0).step == 0
    assert load_checkpoint(tmp_path / CHECKPOINT) is not None
    assert trained(tmp_path, 6).step == 6


@pytest.mark.parametrize(("minutes", "bounded"), [(1e-2, True), (math.inf, False)])
def test_the_share_of_the_time_gone_is_told(
    tmp_path: Path, minutes: float, bounded: bool
) -> None:
    """From near 0 up; without a bound it stays 0."""
    line = Line(tmp_path)
    gone: list[float] = []

    def advance(share: float) -> Mapping[str, float]:
        gone.append(share)
        return line.advance()

    carry_on(line, Schedule(5, 9), minutes, advance, dict)
    assert gone == sorted(gone)
    assert (0 < gone[-1] < 1) == bounded


def test_a_checkpoint_is_renewed_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed loses what was done since, and no more."""
    monkeypatch.setattr(running, "SAVE_EVERY_S", -1)
    line = Line(tmp_path)

    def advance(_gone: float) -> Mapping[str, float]:
        if line.step == 3:
            raise KeyboardInterrupt
        return line.advance()

    with pytest.raises(KeyboardInterrupt):
        carry_on(line, Schedule(6, 2), 9.0, advance, line.score)
    assert Line(tmp_path).step == 3


def test_a_loss_that_is_not_finite_spoils_no_weights(tmp_path: Path) -> None:
    """The run ends instead; its step is not counted."""
    line = Line(tmp_path)
    before = numbers(line.net.state_dict())
    with pytest.raises(FloatingPointError, match="step 0"):
        line.descend(line.net(torch.tensor([float("nan")])).sum(), 0.1, 1.0)
    assert numbers(line.net.state_dict()) == before
    assert line.step == 0


def test_averaged_weights_are_lent(tmp_path: Path) -> None:
    """After being judged by them, whatever happens, the net learns on as it was."""
    line = trained(tmp_path, 5)
    own = numbers(line.net.state_dict())

    def judged() -> None:
        with line.averaged() as net:
            assert not net.training
            assert numbers(net.state_dict()) == numbers(line.average.weights) != own
            raise ValueError("nothing to judge it on")

    with pytest.raises(ValueError, match="nothing to judge"):
        judged()
    assert numbers(line.net.state_dict()) == own
    assert line.net.training


def test_its_own_checkpoint_goes_before_anothers(tmp_path: Path) -> None:
    """Another's is where a run begins, not where it returns to."""
    trained(tmp_path / "other", 3)
    line = Line(tmp_path / "own")
    line.resume(tmp_path / "other")
    assert line.step == 3
    trained(tmp_path / "own", 5)
    line.resume(tmp_path / "other")
    assert line.step == 5


def test_rates_warm_up_and_fall() -> None:
    """In a line, then as a cosine, and never below the least."""
    assert [warming(step, 4) for step in (0, 1, 3, 99)] == [0.25, 0.5, 1, 1]
    parts = [falling(done, 0.02) for done in (0, 0.5, 1, 2)]
    assert parts == pytest.approx([1, 0.51, 0.02, 0.02])


# The commands, each on what it learns from; all in small.
KEYS = {"net", "optimiser", "average", "step", "shape"}
MORE = {
    "letters": set(),
    "prosody": {"plan", "recent", "loss"},
    "jointly": {"plan", "judges", "judging", "vocoder_shape"},
}


def lexicon(folder: Path) -> str:
    """Made-up words, of which some are kept back by their hash."""
    words = ["".join(letters) for letters in product("bdg", "aeiou", "bdgt", "aeiou")]
    kept = sum(hashlib.sha256(w.encode()).digest()[0] < 6 for w in words)
    assert 0 < kept < len(words)
    lines = "".join(f"{word} B AH1 D AH0\n" for word in words)
    (folder / "lexicon.gz").write_bytes(gzip.compress(lines.encode()))
    return str(folder / "lexicon.gz")


def arguments(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command line of a small run in ``folder / kind``."""
    run = str(folder / kind)
    if kind == "letters":
        return [lexicon(folder), run]
    shelf = import_module(f"scripts.voice.train_{kind}")
    monkeypatch.setattr(shelf, "load_packed", lambda path: packed(120))
    if kind == "prosody":
        return [run, "ann.npz"]
    return [run, "ann.npz", "--batch", "2", "--tiny"]


def trains(kind: str, argv: list[str]) -> None:
    assert import_module(f"scripts.voice.train_{kind}").main(argv) == 0


@pytest.mark.parametrize("kind", MORE)
def test_every_training_goes_on_where_it_was(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same command with more steps; its checkpoint is as it always was."""
    argv = arguments(kind, tmp_path, monkeypatch)
    for steps in (2, 3):
        trains(kind, [*argv, "--steps", str(steps), "--threads", "1"])
        state = load_checkpoint(tmp_path / kind / CHECKPOINT)
        assert state is not None
        assert set(state) == KEYS | MORE[kind]
        assert state["step"] == steps
    trains(kind, [*argv, "--steps", "9", "--minutes", "0"])
    after = load_checkpoint(tmp_path / kind / CHECKPOINT)
    assert after is not None
    assert after["step"] == 3


@pytest.mark.parametrize("kind", MORE)
def test_every_training_says_what_it_takes(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own help, with what all take and what it takes besides."""
    own = {
        "letters": "",
        "prosody": "--shares",
        "jointly": "--shares --batch --rate --judged-from --share --continues",
    }
    with pytest.raises(SystemExit):
        import_module(f"scripts.voice.train_{kind}").main(["--help"])
    said = capsys.readouterr().out
    for option in ("--steps --minutes --threads " + own[kind]).split():
        assert f"{option} " in said
