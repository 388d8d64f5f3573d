"""One pocketsphinx search and its files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from voiceserver.engines.sphinx.search import Search, Word, find_model, text_of
from voiceserver.errors import EngineFailed

QUIET = np.random.default_rng(0).normal(0, 8, 16_000).astype(np.int16)


@pytest.fixture(scope="module")
def phones() -> Search:
    """A search that is quick to load: any phone after any."""
    search = Search(find_model(""), {"bestpath": False})
    search.raw.add_allphone_file("phones", None)
    search.raw.activate_search("phones")
    return search


def copied(folder: Path) -> Path:
    """A copy of the bundled acoustic model, to be damaged."""
    return Path(shutil.copytree(find_model("").acoustic, folder / "model"))


def test_the_bundled_model_is_found() -> None:
    """No folder named: the files of the wheel."""
    model = find_model("")
    assert (model.acoustic / "mdef").is_file()
    assert model.dictionary.is_file()
    assert model.language.is_file()


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    """The message says which file is missing and which key to set."""
    with pytest.raises(EngineFailed, match=r"mdef is missing.*recogniser\.model"):
        find_model(str(tmp_path))


def test_a_telephone_model_is_refused(tmp_path: Path) -> None:
    """Audio comes at 16 kHz; a model for 8 kHz would only hear nonsense."""
    folder = copied(tmp_path)
    (folder / "feat.params").write_text("-lowerf 200\n-samprate 8000\n")
    with pytest.raises(EngineFailed, match="8000 Hz"):
        find_model(str(folder))


def test_a_folder_may_bring_its_own_dictionary(tmp_path: Path) -> None:
    """A ``*.dict`` beside the model replaces the bundled one."""
    folder = copied(tmp_path)
    (folder / "own.dict").write_text("yes Y EH S\n")
    assert find_model(str(folder)).dictionary == folder / "own.dict"


@pytest.mark.parametrize("name", ["mdef", "means", "transition_matrices"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    """Before pocketsphinx sees it: it would end the process."""
    folder = copied(tmp_path)
    (folder / name).write_bytes(b"not a model\n")
    with pytest.raises(EngineFailed, match=f"{name} is damaged"):
        find_model(str(folder))


def test_a_model_without_weights_is_incomplete(tmp_path: Path) -> None:
    """Before pocketsphinx sees it: it would end the process."""
    folder = copied(tmp_path)
    (folder / "sendump").unlink()
    with pytest.raises(EngineFailed, match="sendump"):
        find_model(str(folder))


def test_a_refusal_by_pocketsphinx_is_an_engine_failure() -> None:
    """With the folder, whatever pocketsphinx says."""
    with pytest.raises(EngineFailed, match="cannot load the model in"):
        Search(find_model(""), {"no_such_setting": True})


def test_words_join_to_text() -> None:
    """Single spaces."""
    assert text_of((Word("half", 0, 9, -1.0), Word("an", 9, 12, -1.0))) == "half an"


def test_a_search_may_start_again_without_finish(phones: Search) -> None:
    """The first utterance is abandoned; frames count from the new one."""
    phones.start()
    phones.push(QUIET)
    phones.start()
    phones.push(QUIET[:8000])
    phones.finish()
    phones.finish()
    assert phones.n_frames <= 51  # 0.5 s of 10 ms frames


def test_no_audio_gives_no_words(phones: Search) -> None:
    """An utterance may be empty."""
    phones.start()
    phones.push(QUIET[:0])
    phones.finish()
    assert phones.words() == ()
