"""The labelled requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.router.requests import FOLDER, hard, lines_of, made, parted, written


def test_what_is_committed_is_what_is_made() -> None:
    """The same every time."""
    assert (FOLDER / "requests.tsv").read_text("utf-8") == written(made())


def test_no_wording_is_both_trained_on_and_kept_out() -> None:
    """Whole templates are kept out; there are thousands of requests of both kinds."""
    requests = made()
    train, kept = parted(requests)
    assert not {each.source for each in train} & {each.source for each in kept}
    assert len(requests) > 3000 and 0.2 < len(kept) / len(requests) < 0.4
    assert {each.complex for each in kept} == {True, False}
    assert len(hard()) > 100


@pytest.mark.parametrize(
    "line", ["simple | no bar", "dear | | x", "simple | sports | x", "simple | |"]
)
def test_an_error_in_a_label_file_is_named_by_its_line(
    line: str, tmp_path: Path
) -> None:
    """And its file."""
    file = tmp_path / "mine.txt"
    file.write_text(f"# mine\nsimple | | hello\n{line}\n")
    with pytest.raises(ValueError, match=r"mine\.txt, line 3: "):
        lines_of(file)
