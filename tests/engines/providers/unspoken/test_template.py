"""Tokens of a chat's template: never part of an answer, unless it writes about them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.providers.unspoken.template import TemplateTokens

ANSWER = "The kitchen light is on now."
ENDS = (
    *("<|im_end|>", "</s>", "<|eot_id|>", "<end_of_turn>", "<|endoftext|>", "<eos>"),
    *("<|end|>", "<|return|>", "[/INST]", "<\uff5cend\u2581of\u2581sentence\uff5c>"),
)


def passed(text: str, *cuts: int) -> str:
    """What comes through of a text that arrives in pieces."""
    tokens = TemplateTokens()
    ends = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(ends)]
    return "".join(map(tokens.push, pieces)) + tokens.flush()


def in_pieces(text: str, size: int) -> str:
    return passed(text, *range(0, len(text), size))


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize("end", ENDS)
def test_a_token_that_ends_the_answer_ends_it(end: str, size: int) -> None:
    """What the model goes on to invent is no part of it."""
    assert in_pieces(f"{ANSWER}{end}", size) == ANSWER
    more = f"{ANSWER}{end}\n<|im_start|>user\nThanks!<|im_end|>"
    assert in_pieces(more, size) == ANSWER
    assert in_pieces(f"{ANSWER}\n{end}", size) == f"{ANSWER}\n"
    assert in_pieces(f"{ANSWER} {end}{end}", size) == f"{ANSWER} "


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    "begin",
    [
        "<|im_start|>assistant\n",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<start_of_turn>model\n",
        "<|start|>assistant<|channel|>final<|message|>",
        "<|channel|>final<|message|>",
        "<\uff5cAssistant\uff5c>",
        "<s>",
        "<answer>",
    ],
)
def test_what_begins_the_answer_is_left_out(begin: str, size: int) -> None:
    """With the name of who speaks."""
    assert in_pieces(f"{begin}{ANSWER}", size) == ANSWER


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "The `<|im_end|>` token ends a turn.",
        'It is written "</s>" there.',
        "The token <|endoftext|> ends a text.",
        "It was <s>9</s> 7 dollars, <s>8</s>",
        "a <| f x |> b, and 5 < 6.",
        "[1] is a footnote, see [INSTRUCTIONS].",
        "The <answer> tag holds it.",
        "",
    ],
)
def test_what_is_written_about_stays(text: str, size: int) -> None:
    """In quotes, in code, among words."""
    assert in_pieces(text, size) == text


def test_words_are_not_held_back() -> None:
    """Only what may be a token waits for more."""
    tokens = TemplateTokens()
    assert tokens.push("The kitchen") == "The kitchen"
    assert tokens.push(" light <") == " light "
    assert tokens.push("3") == "<3"


PIECES = (
    "Yes. ",
    "no",
    "\n",
    "<",
    "|",
    ">",
    "<|im_end|>",
    "</s>",
    "`",
    "<s>",
    "[/INST]",
)


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.lists(st.integers(0, 60)))
def test_it_does_not_matter_where_it_is_cut(words: list[str], cuts: list[int]) -> None:
    """By the network, within tokens too."""
    text = "".join(words)
    assert passed(text, *cuts) == passed(text)
