"""What of Whisper's words is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.whisper.beliefs import (
    agreed,
    expected,
    is_believed,
    is_endless,
    is_nearly_known,
    most_tokens,
    n_strange,
    trimmed,
)

KNOWN = frozenset("can i get a large small mocha with lots of sugar eight".split())
LINES = st.lists(st.sampled_from("go five of clubs I".split()), max_size=30)


def test_tokens_are_bounded_by_the_time() -> None:
    """Ten, and six a second."""
    assert (most_tokens(0), most_tokens(16_000), most_tokens(160_000)) == (10, 16, 70)


@pytest.mark.parametrize(
    ("logprob", "no_speech", "capped", "believed"),
    [
        (-0.2, 0.1, False, True),
        (-0.99, 0.5, False, True),
        (-1.01, 0.1, False, False),
        (-0.61, 0.51, False, False),
        (-0.47, 0.84, False, True),
        (-0.29, 0.1, True, True),
        (-0.31, 0.1, True, False),
    ],
)
def test_three_figures_tell_noise_from_speech(
    logprob: float, no_speech: float, capped: bool, believed: bool
) -> None:
    """Each catches what the others let through."""
    assert is_believed(logprob, no_speech, capped) is believed


@pytest.mark.parametrize(
    ("logprob", "no_speech", "n_words", "believed"),
    [
        (-1.65, 0.04, 2, True),
        (-1.65, 0.04, 3, False),
        (-1.75, 0.04, 1, False),
        (-1.1, 0.39, 1, False),
        (-1.1, 0.04, 0, False),
    ],
)
def test_a_word_or_two_may_be_less_sure_where_somebody_surely_speaks(
    logprob: float, no_speech: float, n_words: int, believed: bool
) -> None:
    """``Fast``, ``you`` and ``seventeen`` were heard right, and thrown away."""
    assert is_believed(logprob, no_speech, False, n_words) is believed


@pytest.mark.parametrize(
    ("text", "capped", "left"),
    [
        ("10 of clubs 10 of clubs 10 of clubs clubs 10 of", True, "10 of clubs"),
        ("Go on. Go on. Go on.", True, "Go on."),
        ("no no no no", True, "no"),
        ("five five", True, "five five"),
        ("I want a, I want a tea", False, "I want a, I want a tea"),
        (
            "and one two three four, one two three four",
            False,
            "and one two three four,",
        ),
        ("go a b a b a b", False, "go a b"),
        ("go go go", False, "go"),
        ("", True, ""),
    ],
)
def test_what_is_said_again_in_no_time_is_cut_off(
    text: str, capped: bool, left: str
) -> None:
    """More of it where it could not stop by itself."""
    seconds = 30.0 if capped else 0.2 * len(text.split())
    assert trimmed(text, capped, seconds) == left


@pytest.mark.parametrize(
    "text",
    [
        "My number is four five six seven, four five six seven.",
        "He saw her falter for a moment. He saw her falter for a moment.",
        "And then, and then, and then.",
    ],
)
def test_what_people_say_twice_stays(text: str) -> None:
    """Whole sentences were missing in recordings where one was read twice in a row."""
    assert trimmed(text, False, 0.4 * len(text.split())) == text


def test_nobody_says_all_of_it_twice_in_a_hurry() -> None:
    """Four words in 1.3 s are two words; in two seconds they are four. One is, too."""
    assert trimmed("2 people, 2 people.", False, 1.3) == "2 people,"
    assert trimmed("2 people, 2 people.", False, 2.0) == "2 people, 2 people."
    assert trimmed("five, five", False, 0.8) == "five, five"
    assert trimmed("No. No.", False, 0.55) == "No."
    assert trimmed("17, 17, 17, 17,", False, 0.94) == "17,"
    assert trimmed("He stopped. He stopped again.", False, 0.9).endswith("again.")


@given(LINES, st.booleans())
def test_a_trimmed_text_is_a_beginning(words: list[str], capped: bool) -> None:
    """And has words if there were some."""
    left = trimmed(" ".join(words), capped).split()
    assert words[: len(left)] == left
    assert bool(left) == bool(words)


@given(LINES, LINES)
def test_agreed_words_are_the_beginning_of_both(one: list[str], two: list[str]) -> None:
    """As the newer wrote them."""
    words = agreed(" ".join(one), " ".join(two)).split()
    assert one[: len(words)] == two[: len(words)] == words


def test_case_and_punctuation_make_no_difference() -> None:
    """To what two decodes agree in."""
    assert agreed("he was, not", "He was not an") == "He was not"


def test_a_loop_within_a_word_is_told_from_long_numbers() -> None:
    """Figures said one by one become one word with hyphens."""
    assert is_endless("1-0-0-0-1-90-2-1" + 20 * "-0")
    assert is_endless("Ha" + 14 * "ha")
    assert not is_endless("1,000,000,000,000 or 1000000000000")
    assert not is_endless("1-0-0-0-1 902-1-0 0-1-8-0-3")


def test_of_ways_nearly_as_likely_the_one_that_the_place_knows_is_expected() -> None:
    """The likelier of two that are known as well; none that is much less likely."""
    ways = [
        ("Can I get enlarge mocha", -0.20),
        ("Can I get a large mocha.", -0.25),
        ("can I get a large mocha", -0.26),
    ]
    assert expected(ways, KNOWN) == 1
    assert expected([ways[0], ("can i get a large mocha", -0.31)], KNOWN) == 0
    assert expected([*reversed(ways)], KNOWN) == 0


def test_figures_and_plurals_are_known_by_their_words() -> None:
    """However they are written."""
    assert n_strange("8 larges, with sugar", KNOWN) == 0
    assert n_strange("twelve-ounce mocha", KNOWN) == 2


@pytest.mark.parametrize(
    ("text", "nearly"),
    [
        ("can I get a mocha", False),
        ("can I get a moka", True),
        ("I get the moka", False),  # two of four: something else may be meant
        ("what is the time", False),
        ("", False),
    ],
)
def test_a_few_strange_words_may_be_misheard(text: str, nearly: bool) -> None:
    """Where most are strange, something else is said."""
    assert is_nearly_known(text, KNOWN) is nearly
