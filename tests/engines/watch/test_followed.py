"""A record that grows: what was read is not read again."""

from __future__ import annotations

from pathlib import Path

from tests.engines.watch.test_standings import record
from voiceserver.engines.watch.followed import Followed
from voiceserver.engines.watch.standings import line, standing

WHO = ("c", "v")


def test_it_stands_as_the_whole_record_does_at_every_look(tmp_path: Path) -> None:
    """Line by line, with one in the midst of being written, and one that is none."""
    path, all_ = tmp_path / "shadow.jsonl", record(9, 4, 7)
    followed = Followed(path)
    assert followed.look() == {}
    with path.open("a") as file:
        file.write("no comparison\n")
        for n, one in enumerate(all_, 1):
            text = line(one)
            file.write(text[:10])
            file.flush()
            assert followed.look().get(WHO) == (
                standing(all_[: n - 1]) if n > 1 else None
            )
            file.write(text[10:])
            file.flush()
            assert followed.look() == {WHO: standing(all_[:n])}


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    """What stood before it may be gone: it is in the sums."""
    path = tmp_path / "shadow.jsonl"
    lines = [line(one) for one in record(3, 0, 0)]
    path.write_text("".join(lines))
    followed = Followed(path)
    followed.look()
    with path.open("r+") as file:  # the same length, and no comparisons any more
        file.write("".join("x" * (len(each) - 1) + "\n" for each in lines))
    assert followed.look()[WHO].wins == 3


def test_another_file_of_that_name_is_read_anew(tmp_path: Path) -> None:
    """As an operator begins a new one: removed, or cut."""
    path = tmp_path / "shadow.jsonl"
    path.write_text("".join(line(one) for one in record(3, 0, 0)))
    followed = Followed(path)
    assert followed.look()[WHO].answers == 3
    path.write_text(line(record(0, 1, 0)[0]))
    assert (followed.look()[WHO].answers, followed.look()[WHO].ties) == (1, 1)
