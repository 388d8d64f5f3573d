"""What hosts know together, in time that is told; over hosts in ``test_shared``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.cluster.common import (
    MAX_STANDS,
    MAX_STARTS,
    Board,
    Ledger,
    Stand,
    most_spent,
)


def stand(state: str, age_s: float, provider: str = "p", due_s: float = 0.0) -> Stand:
    return Stand("text", provider, state, 1, due_s, age_s)


def test_the_last_word_of_each_provider_is_told() -> None:
    """With its times as they are by then, whoever told it in whatever order."""
    board = Board()
    board.put([stand("open", 2.0, due_s=5.0), stand("closed", 1.0, "q")], 100.0)
    board.put([stand("closed", 9.0)], 101.0)
    assert board.told(103.0) == (
        stand("closed", 4.0, "q", due_s=-3.0),
        stand("open", 5.0, due_s=2.0),
    )
    board.put([stand("drained", 0.0)], 104.0)
    assert board.told(104.0)[0] == stand("drained", 0.0)


def test_a_board_is_bounded() -> None:
    """Those that were put first are forgotten."""
    board = Board()
    for n in range(2 * MAX_STANDS):
        board.put([stand("open", 0.0, f"p{n}")], float(n))
    told = board.told(100.0)
    assert len(told) == MAX_STANDS
    assert told[-1].provider == f"p{MAX_STANDS}"


@given(
    st.lists(
        st.tuples(
            st.sampled_from([("a", "1"), ("a", "2"), ("b", "1")]),
            st.sampled_from(["mon", "tue"]),
            st.dictionaries(st.sampled_from(["", "key:x"]), st.floats(0.01, 99.0)),
        ),
        max_size=30,
    )
)
def test_each_is_told_the_sum_of_all_others(
    told: list[tuple[tuple[str, str], str, dict[str, float]]],
) -> None:
    """Of its day; what a start tells replaces what it told before."""
    ledger = Ledger()
    last: dict[tuple[str, str], tuple[str, dict[str, float]]] = {}
    for start, day, spent in told:
        ledger.tell(start, day, spent)
        last[start] = day, spent
    for day in ("mon", "tue"):
        for start in last:
            for account in ("", "key:x"):
                usd = sum(
                    spent.get(account, 0.0)
                    for one, (on, spent) in last.items()
                    if one != start and on == day
                )
                found = ledger.elsewhere(start, day).get(account, 0.0)
                assert found == pytest.approx(usd, abs=1e-5)


def test_a_ledger_is_bounded() -> None:
    """Those that told nothing for the longest are forgotten, with what they spent."""
    ledger = Ledger()
    for n in range(2 * MAX_STARTS):
        ledger.tell((str(n), ""), "mon", {"": 1.0})
    assert ledger.elsewhere(("", ""), "mon") == {"": float(MAX_STARTS)}


def test_money_is_told_to_a_millionth() -> None:
    """Which is less than any token costs."""
    assert most_spent({"a": 0.12345678}) == {"a": 0.123457}
