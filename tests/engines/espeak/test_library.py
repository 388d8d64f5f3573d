"""libespeak-ng by ctypes."""

from __future__ import annotations

import pytest

from voiceserver.engines.espeak.library import Block, Library, Sound
from voiceserver.engines.espeak.library import library as the_library
from voiceserver.errors import EngineFailed


@pytest.fixture(scope="module")
def library() -> Library:
    try:
        return the_library()
    except EngineFailed as error:
        pytest.skip(str(error))


def test_words_begin_where_they_stand(library: Library) -> None:
    """Counted in characters, not in bytes."""
    blocks: list[Block] = []

    def take(block: Block) -> bool:
        blocks.append(block)
        return True

    library.speak("caf\u00e9 one two", Sound("en-us"), take)
    words = [word for block in blocks for word in block.words]
    assert [character for character, _ in words] == [0, 5, 9]
    assert [sample for _, sample in words] == sorted(sample for _, sample in words)
    n_samples = sum(len(block.pcm) for block in blocks) // 2
    assert 0.5 < n_samples / library.sample_rate < 3


def test_false_stops_at_once(library: Library) -> None:
    """After the first callback there is no other with sound."""
    blocks: list[Block] = []

    def take(block: Block) -> bool:
        blocks.append(block)
        return False

    library.speak("a rather long sentence that goes on", Sound("en-us"), take)
    assert len([block for block in blocks if block.pcm]) == 1


def test_an_unknown_variant_is_our_error(library: Library) -> None:
    """With what to install."""
    with pytest.raises(EngineFailed, match="no voice xx-none"):
        library.speak("hello", Sound("xx-none"), lambda block: True)


def test_a_process_has_one_library(library: Library) -> None:
    """A second start would leave the first without its voices."""
    assert the_library() is library


def test_a_missing_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the system's nor the wheel's."""

    def missing(name: str) -> object:
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", missing)
    with pytest.raises(EngineFailed, match=r"apt install.*pip install"):
        Library()
