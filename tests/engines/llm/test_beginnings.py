"""Beginnings of conversations that stay computed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.llm.beginnings import Beginning, Beginnings, Ways

Computed = list[int]  # here: the very tokens it was computed for


def cut(computed: Computed, n: int) -> bool:
    del computed[n:]
    return True


WAYS: Ways[Computed] = Ways(list, lambda computed, n: computed[:n], cut)


def asked(
    kept: Beginnings[Computed], tokens: list[int]
) -> tuple[Beginning[Computed], int]:
    """Compute a prompt on from what is kept; return also how much was known."""
    taken = kept.take(tokens)
    known = len(taken.tokens)
    taken.computed += tokens[known:]
    taken.tokens += tokens[known:]
    return taken, known


def test_the_next_turn_reads_on_where_the_last_one_ended() -> None:
    """Only what is new is computed, and nothing twice."""
    kept = Beginnings(2, WAYS)
    first, known = asked(kept, [1, 2, 3])
    assert known == 0
    second, known = asked(kept, [1, 2, 3, 4, 5])
    assert (second is first, known) == (True, 3)
    assert second.computed == [1, 2, 3, 4, 5]


def test_what_was_said_and_not_heard_is_cut_off() -> None:
    """An interrupted answer is shorter in the next prompt."""
    kept = Beginnings(2, WAYS)
    first, _ = asked(kept, [1, 2, 3])
    first.tokens += [7, 8, 9]  # the answer
    first.computed += [7, 8, 9]
    second, known = asked(kept, [1, 2, 3, 7, 5])
    assert (second is first, known) == (True, 4)
    assert second.computed == [1, 2, 3, 7, 5]


def test_calls_that_begin_alike_do_not_take_each_others() -> None:
    """What both share is copied; each goes on in its own."""
    kept = Beginnings(3, WAYS)
    kept.keep_for_all(Beginning([1, 2], [1, 2]))
    one, known_of_one = asked(kept, [1, 2, 10])
    other, known_of_other = asked(kept, [1, 2, 20])
    assert (known_of_one, known_of_other) == (2, 2)
    assert one is not other
    assert asked(kept, [1, 2, 10, 11])[1] == 3
    assert asked(kept, [1, 2, 20, 21])[1] == 3
    assert one.computed == [1, 2, 10, 11]


def test_the_one_that_was_not_used_for_the_longest_goes() -> None:
    """And what is kept for all never does."""
    kept = Beginnings(2, WAYS)
    kept.keep_for_all(Beginning([1], [1]))
    for call in (10, 20, 30):
        asked(kept, [1, call, call])
    assert len(kept) == 2
    assert asked(kept, [1, 30, 30, 31])[1] == 3
    assert asked(kept, [1, 10, 10, 11])[1] == 1


def test_the_same_prompt_again_has_its_last_token_computed() -> None:
    """Else nothing would tell what follows."""
    kept = Beginnings(1, WAYS)
    asked(kept, [1, 2, 3])
    assert asked(kept, [1, 2, 3])[1] == 2


def test_what_cannot_be_cut_is_read_on_or_begun_anew() -> None:
    """Models whose layers forget cannot go back."""
    never: Ways[Computed] = Ways(list, lambda _c, _n: None, lambda _c, _n: False)
    kept = Beginnings(2, never)
    first, _ = asked(kept, [1, 2, 3])
    assert asked(kept, [1, 2, 3, 4])[1] == 3
    second, known = asked(kept, [1, 2, 9])
    assert (second is first, known) == (False, 0)


def test_one_that_came_to_nothing_is_forgotten() -> None:
    """It may hold half of what its tokens say."""
    kept = Beginnings(2, WAYS)
    taken, _ = asked(kept, [1, 2, 3])
    kept.drop(taken)
    assert asked(kept, [1, 2, 3, 4])[1] == 0


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), max_size=20))
def test_what_is_computed_always_belongs_to_the_prompt(
    prompts: list[list[int]],
) -> None:
    """Whatever calls come in whatever order."""
    kept = Beginnings(3, WAYS)
    kept.keep_for_all(Beginning([0, 1], [0, 1]))
    for tokens in prompts:
        taken, known = asked(kept, tokens)
        assert taken.computed == taken.tokens == tokens
        assert known < len(tokens)
        assert len(kept) <= 3
