"""How the admission limit is judged, and written down."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.admission import (
    OPEN,
    Step,
    between,
    fault,
    measured,
    quantile_ms,
    with_setting,
    write,
)
from voiceserver.config.parse import parse

TEXTS = (
    "",
    "[server]\n",
    "[server]\nmax_calls = 3\nport = 1\n",
    '# a comment\n[log]\nlevel = "info"\n',
    "[server]\nport = 1\n\n[log]\n",
    "server.max_calls = 3\nserver.port = 1\n",
    "[ server ]\n  max_calls=3 # as measured\n[media]\n",
    '[[text.provider]]\nname = "a"\nbase_url = "https://a.example"\nmodel = "m"\n',
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_setting_is_put_where_it_belongs(text: str) -> None:
    """And nothing else is changed."""
    before, after = parse(text), parse(with_setting(text, "max_calls", "17"))
    assert after.server.max_calls == 17
    assert after.server.port == before.server.port
    assert (after.log, after.text, after.media) == (
        before.log,
        before.text,
        before.media,
    )
    assert with_setting(text, "max_calls", "17").count("#") == text.count("#")


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_measured_listens_to_itself_alone(text: str) -> None:
    """Without a key, whatever the configuration asks for."""
    for key, value in OPEN.items():
        text = with_setting(text, key, value)
    server = parse(text).server
    assert (server.host, server.max_calls) == ("127.0.0.1", 512)


def test_the_limit_is_written(tmp_path: Path) -> None:
    """Into a file that is there, and into a new one."""
    old, new = tmp_path / "old.toml", tmp_path / "new.toml"
    old.write_text('# mine\n[log]\nlevel = "error"\n')
    for file in (old, new):
        write(file, 12)
        assert parse(file.read_text()).server.max_calls == 12
    assert old.read_text().startswith("# mine\n")


@given(values=st.lists(st.integers(0, 900), min_size=1, max_size=200))
def test_a_quantile_lies_in_the_bucket_of_its_value(values: list[int]) -> None:
    """Between the edges around the value of that rank."""
    edges = (0.1, 0.2, 0.5, 1.0, float("inf"))
    counts = {edge: float(sum(v / 1000 <= edge for v in values)) for edge in edges}
    found = quantile_ms(counts, 0.95)
    rank = max(1, -(-95 * len(values) // 100))
    value = sorted(values)[rank - 1] / 1000
    top = next(edge for edge in edges if value <= edge)
    bottom = max((edge for edge in (0.0, *edges) if edge < top), default=0.0)
    assert 1000 * bottom <= found <= 1000 * top + 1e-6


def test_only_what_came_meanwhile_counts() -> None:
    """An edge that is new began at 0."""
    assert between({1.0: 3}, {1.0: 5, 2.0: 6}) == {1.0: 2, 2.0: 6}


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step(4, 23.9, 599, 8, 0, 0), []),
        (Step(4, 24.1, 599, 8, 0, 0), ["24.1 ms late"]),
        (Step(4, 23.9, 601, 8, 0, 0), ["after 601 ms"]),
        (Step(4, 23.9, 599, 8, 1, 2), ["2 calls were not", "1 callers heard no"]),
    ],
)
def test_a_step_is_good_unless_something_is_not(step: Step, words: list[str]) -> None:
    """Each in words."""
    why = fault(step, idle_ms=8.0, target_ms=600)
    assert bool(why) == bool(words)
    assert all(word in why for word in words)


def test_lateness_that_nobody_hears_is_no_fault() -> None:
    """Three times nearly nothing is less than a frame."""
    assert fault(Step(4, 19.9, 100, 8, 0, 0), idle_ms=0.05, target_ms=600) == ""
    assert fault(Step(4, 20.1, 100, 8, 0, 0), idle_ms=0.05, target_ms=600)


def test_the_file_that_is_measured_is_gone_afterwards(tmp_path: Path) -> None:
    """It lies beside the configuration it is made of."""
    own = tmp_path / "own.toml"
    own.write_text("[server]\nport = 7\n")
    with measured(own, stubs=False) as name:
        assert Path(name).parent == tmp_path
        assert parse(Path(name).read_text()).server.port == 7
    with measured(own, stubs=True) as name:
        assert Path(name).parent != tmp_path
        assert parse(Path(name).read_text()).engines.speech == "stub"
    assert list(tmp_path.iterdir()) == [own]
