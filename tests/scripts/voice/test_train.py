"""One command from recordings to a voice: a tiny run the whole way, and resumption."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from scripts.voice import train
from scripts.voice.train import Recipe, Source, Step, run, steps
from tests.recordings import data_folder
from voiceserver.voice.plan import Manner
from voiceserver.voice.speaker import load_voice

SOURCE = Source(Path("c"), "Me.", teachers={"hibari": "hibari"})
WAY = [Step("one", "some_step", ("a",)), Step("two", "some_step", ("b",))]


class Fake:
    """A step that notes its arguments and ends as it is told to.

    Args:
        statuses: Exit status by argument.
    """

    def __init__(self, statuses: dict[str, int]) -> None:
        self.taken: list[str] = []
        self._statuses = statuses

    def main(self, argv: list[str]) -> int:
        """Note and return."""
        self.taken += argv
        return self._statuses.get(argv[0], 0)


def fake(monkeypatch: pytest.MonkeyPatch, **statuses: int) -> Fake:
    """Have every step be a fake."""
    step = Fake(statuses)
    monkeypatch.setattr(train, "import_module", lambda name: step)
    return step


@pytest.mark.speech
def test_a_tiny_run_gives_a_voice_that_speaks(tmp_path: Path) -> None:
    """Two dozen recordings and four steps of each net: files load, audio is finite."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    source = data_folder() / "kathleen"
    header, *rows = (source / "transcripts.tsv").read_text("utf-8").splitlines()
    rows = rows[:: len(rows) // 24][:24]
    (corpus / "transcripts.tsv").write_text("\n".join([header, *rows, ""]), "utf-8")
    for row in rows:
        shutil.copy(source / row.split("\t")[0], corpus)
    work = tmp_path / "work"
    about = ["--tiny", "--consent", "A reader, for tests.", "--reader", "ann"]
    arguments = [str(corpus), str(work), *about]
    assert train.main(arguments) == 0
    voice = load_voice(work / "voice")
    said = voice.speak_all("It is ten past nine.", Manner(seed=1))
    assert len(said) > 2_400
    assert np.isfinite(said).all()
    assert voice.speakers == ("ann",)
    assert "A reader, for tests." in (work / "voice" / "CARD.md").read_text("utf-8")


def test_what_is_done_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run takes only the steps that the first did not finish."""
    step = fake(monkeypatch, b=3)
    assert run(WAY, tmp_path / "done") == 3
    again = fake(monkeypatch)
    assert run(WAY, tmp_path / "done") == 0
    assert step.taken == ["a", "b"]
    assert again.taken == ["b"]


def test_a_longer_run_is_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More steps than before: the step is not done any more."""
    fake(monkeypatch)
    for recipe in (Recipe(), Recipe(jointly=40_000)):
        way = list(steps(SOURCE, tmp_path, tmp_path / "voice", recipe))
        step = fake(monkeypatch)
        assert run(way, tmp_path / "done") == 0
    assert "40000" in step.taken
    assert "--consent" not in step.taken


def test_a_teacher_is_a_speaker_before_the_reader(tmp_path: Path) -> None:
    """It reads prompts, its lessons are learnt, and the card names it."""
    way = {s.name: s for s in steps(SOURCE, tmp_path, tmp_path / "voice", Recipe())}
    assert way["hibari reads"].arguments[0] == "hibari"
    learnt = [a for a in way["all else"].arguments if a.endswith(".npz")]
    assert [Path(a).stem for a in learnt] == ["hibari", "reader"]
    assert way["card"].arguments[-2:] == ("--teachers", "hibari")


def test_a_teacher_may_be_a_speaker_of_another_name(tmp_path: Path) -> None:
    """The server's voices name speakers, not the packages they were learnt from."""
    teachers = train.named(["hibari=heart", "jm_kumo"])
    assert teachers == {"hibari": "heart", "jm_kumo": "jm_kumo"}
    source = Source(Path("corpus"), "Me.", teachers=teachers)
    way = {s.name: s for s in steps(source, tmp_path, tmp_path / "voice", Recipe())}
    assert way["hibari reads"].arguments[0] == "hibari"
    learnt = [a for a in way["all else"].arguments if a.endswith(".npz")]
    assert [Path(a).stem for a in learnt] == ["heart", "jm_kumo", "reader"]


def test_a_missing_corpus_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback: what is wrong, and where."""
    arguments = [str(tmp_path / "none"), str(tmp_path / "work"), "--consent", "Me."]
    assert train.main(arguments) == 1
    assert "none" in capsys.readouterr().err


def test_a_teacher_that_cannot_be_asked_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not after the hours that all the steps before it take."""
    step = fake(monkeypatch)
    arguments = [str(tmp_path), str(tmp_path / "work"), "--consent", "Me."]
    assert train.main([*arguments, "--teacher", "joe"]) == 1
    assert "no teacher 'joe'" in capsys.readouterr().err
    assert step.taken == []
