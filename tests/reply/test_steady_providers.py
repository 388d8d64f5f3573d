"""Spoken replies over providers that are slow and steady, in virtual time.

The limits measure what they are named after: words are words, and once the voice has
something to say only silence counts.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.reply.test_provider_turns import Providers, check

SENTENCE = "Once upon a time there was a small town by the sea where nothing happened. "


def words(n: int) -> tuple[str, ...]:
    """So many words, each with its space."""
    return tuple(f"{word} " for word in (SENTENCE * n).split()[:n])


def said(talk: Providers) -> str:
    [text] = talk.texts
    return text.removeprefix("Hmm\u2026 ").strip()


def longest_silence_s(talk: Providers) -> float:
    return max(b - a for a, b in pairwise(at_s for at_s, _ in talk.call.heard))


@pytest.mark.parametrize(
    ("a_second", "n"), [(100, 300), (10, 120), (5, 60), (3, 40), (2.2, 30)]
)
def test_a_steady_answer_is_given_whole(a_second: float, n: int) -> None:
    """Faster and slower than it is spoken, for longer than any limit of a wait."""
    talk = Providers("ok")
    service = talk.transport.services["a"]
    service.gap_s, service.deltas = 1 / a_second, words(n)
    [record] = talk.talk(pause_s=120)
    assert said(talk) == "".join(words(n)).strip()
    assert record.outcome == "completed"
    assert set(record.steps) <= {"text.filler"}
    assert talk.chain.providers[0].state == "closed"
    check(talk)


@pytest.mark.parametrize(("a_second", "others"), [(1.5, ()), (3, ()), (3, ("ok",))])
def test_a_long_first_clause_is_spoken_as_far_as_it_goes(
    a_second: float, others: tuple[str, ...]
) -> None:
    """Thirty words without a stop, slowly: the whole is said, and no line for it."""
    talk = Providers("ok", *others)
    service = talk.transport.services["a"]
    service.gap_s, service.deltas = 1 / a_second, (*["word "] * 30, "end.")
    [record] = talk.talk(pause_s=60)
    assert said(talk) == "word " * 30 + "end."
    assert record.answered_by == "a"
    assert set(record.steps) <= {"text.filler"}
    check(talk)


@pytest.mark.parametrize("pause_ms", [700, 1300])
def test_a_pause_before_the_first_clause_is_waited_for(pause_ms: int) -> None:
    """Where nobody else could be asked: the words that are there are kept."""
    talk = Providers(f"pause:{pause_ms}")
    talk.transport.services["a"].deltas = words(12)
    [record] = talk.talk()
    assert said(talk) == "".join(words(12)).strip()
    assert record.answered_by == "a"
    check(talk)


def test_with_another_at_hand_it_is_asked_instead() -> None:
    """Half a second of it is enough."""
    talk = Providers("pause:1300", "ok")
    talk.transport.services["a"].deltas = words(12)
    [record] = talk.talk()
    assert record.answered_by == "b"
    check(talk)


@pytest.mark.parametrize("pause_ms", [1900, 4000])
def test_a_pause_while_the_voice_speaks_is_not_noticed(pause_ms: int) -> None:
    """The words before it take longer to say than it lasts."""
    talk = Providers(f"pause:{pause_ms}")
    service = talk.transport.services["a"]
    service.deltas = (SENTENCE * 2, SENTENCE, SENTENCE, "The end.")
    [record] = talk.talk(pause_s=60)
    assert said(talk) == (SENTENCE * 4 + "The end.").strip()
    assert record.steps == ()
    assert longest_silence_s(talk) < 0.5


def test_silence_in_the_middle_ends_in_a_line() -> None:
    """Two seconds after the caller has heard all that was written."""
    talk = Providers("pause:60000")
    service = talk.transport.services["a"]
    service.deltas = (SENTENCE, "There ", "it ended. ", "Never.")
    [record] = talk.talk(pause_s=60)
    assert said(talk).endswith("Sorry, I lost the rest of that.")
    assert record.steps == ("text.cut_off",)
    assert 1.9 < longest_silence_s(talk) < 2.3
    check(talk)
