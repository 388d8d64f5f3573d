"""What is read of an answer: when its words began, all of them, and why it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.virtual_time import run_virtual
from voiceserver.budget import Spent
from voiceserver.engines.base import Message, Shortened, TextItem, TextRequest
from voiceserver.engines.watch.reading import Reading, read_whole
from voiceserver.errors import EngineFailed

ASKED = TextRequest((Message("user", "what time is it"),))


class Model:
    """Says a few words, a little at a time; hangs or fails after some of them."""

    name = version = "m"

    def __init__(self, then: str = "") -> None:
        self.then = then

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Stream the answer."""
        request.observe(Spent(cost_usd=0.5))
        yield ""
        for word in ("It ", "is ", "nine."):
            await asyncio.sleep(0.1)
            yield word
        if self.then == "hang":
            await asyncio.Event().wait()
        if self.then == "fail":
            raise EngineFailed("m", "broke off")


@pytest.mark.parametrize(
    ("then", "failure"), [("", None), ("hang", TimeoutError), ("fail", EngineFailed)]
)
def test_an_answer_is_read_to_its_end_whatever_that_is(
    then: str, failure: type[Exception] | None
) -> None:
    """With its words, its cost and what stopped it."""
    reading = run_virtual(read_whole(Model(then), ASKED, 5.0))
    assert (reading.text, reading.cost_usd) == ("It is nine.", 0.5)
    assert reading.first_ms is not None and reading.only_text
    assert type(reading.failure) is (failure or type(None))


def test_words_begin_with_the_first_that_is_not_empty() -> None:
    """A sign of life is none; whatever else is no text either."""
    times = iter((1.0, 1.25))
    reading = Reading(lambda: next(times))
    for item in ("", "Nine", " thirty.", Shortened()):
        reading.take(item)
    assert (reading.first_ms, reading.text) == (250, "Nine thirty.")
    assert not reading.only_text
