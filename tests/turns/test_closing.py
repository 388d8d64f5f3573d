"""Words that close a sentence, and the same ones where they do not."""

from __future__ import annotations

import pytest

from voiceserver.turns.closing import asks, closes

OVER = """
what's the weather like | what is it like | what does it look like | what would
you like | what kind of music do you like | who do you look like | how is it
like | which one do you like | where are you from | what is it for | who are you
talking to | what are you waiting for | what are you looking at | where do you
come from | where are you calling from | what is this about | who is it for |
what did you do that for | what is it made of | what are you interested in |
what can i help you with | which room are you in | what floor is it on | what is
the film about | who am i speaking to | what do you do | what can you do | what
do you have | how much do you have | what should i do | where have you been |
how have you been | what could it be | what does the company do | what is that |
how much is that | what's this | who is this | what about that | how about this
| tell me what it is | do you know where you are | yes i am | no it is not | yes
i do | no i can not | of course not | why not | i hope not | i think so | is
that so | not really | here you are | as soon as you can | that's all i have |
call me if you can | yes please do | can you repeat that | i want that | i know
her | tell her | tell me more | once more | come on | hold on | what's going on
| turn the lights on | check in | stop by | how many times | what's the point |
what do you think of | what are you thinking about | what do you think about |
what for | where to | how do you do | what does that do | what time is that |
what is your name for that
"""

GOES_ON = """
i would like | i'd like | it is for | it looks like | things like | what i would
like | what would you do with things like | how would you like | i am from |
where is the train to | what is the capital of | who is the president of | what
time is it in | what's the weather like in | what is the best way to | what do
you want to | what are you going to | how do i get to | how far is it from |
what is the distance from | who would like | who is working on | i want to go to
| what is | how much is | where is the | is that | i think that | can you tell
me about | what is twelve times | and then we went to the | um | yes i would
like | because i was | when i was | i have | i can | what time do you have to |
two minus | where do you have | what is the train for | how long have you been |
i believe that | if you could | is there | give me a | put it on | can i have |
could i have | i will have | she said that | look for | turn on | what about |
tell me about | how about | what do you do with | what's the forecast for | what
i like is | which is | are you from | it's more | very | i'm not | he is not |
what is it in | what is the name of
"""


def phrases(text: str) -> list[str]:
    return " ".join(text.split()).split(" | ")


@pytest.mark.parametrize("text", phrases(OVER))
def test_a_word_that_mostly_goes_on_closes(text: str) -> None:
    """Questions that begin with what they ask for, short answers, particles."""
    assert closes(text)


@pytest.mark.parametrize("text", phrases(GOES_ON))
def test_the_same_words_go_on(text: str) -> None:
    """Where what they need has not been said."""
    assert not closes(text)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("what do you want to know", True),
        ("but who was that", True),
        ("how many people are there", True),
        ("is it raining", True),
        ("haven't you heard", True),
        ("what i want", False),
        ("can i get a coffee", False),
        ("this is how it is done", False),
        ("tell me what it costs", False),
    ],
)
def test_questions_turned_round(text: str, want: bool) -> None:
    """A request goes on with how, and a statement is none."""
    assert asks(text) is want


def test_no_text_takes_long() -> None:
    """The rows look at the end only, whatever stands there."""
    assert not closes("what is " * 8 + "the")
    assert not closes("a " * 16)
