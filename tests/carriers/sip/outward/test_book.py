"""What became of the calls that were made."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

from tests.virtual_time import run_virtual
from voiceserver.carriers.sip.outward.book import MOST, Book, CallState

FIRST = CallState("rtc_1", "200", "100", "pbx")


def test_all_states_are_told_to_the_end() -> None:
    """Those before, those that follow, each once; nothing follows the end."""

    async def run() -> list[str]:
        book, told = Book(), []

        async def listen() -> None:
            async with aclosing(book.states("rtc_1")) as states:
                told.extend([state.state async for state in states])

        book.add(FIRST)
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(listen())
            await asyncio.sleep(1)
            for state in ("ringing", "ringing", "ended", "answered"):
                book.add(replace(FIRST, state=state))
                await asyncio.sleep(1)
        found = book.find("rtc_1")
        assert found is not None and found.shown()["state"] == "ended"
        return told

    assert sorted(run_virtual(run())) == sorted(["calling", "ringing", "ended"] * 2)


def test_the_oldest_is_forgotten() -> None:
    """And who waits for it is told nothing more."""

    async def run() -> Book:
        book = Book()
        book.add(FIRST)
        async with asyncio.TaskGroup() as group:
            group.create_task(_all(book))
            await asyncio.sleep(1)
            for n in range(MOST):
                book.add(replace(FIRST, id=f"rtc_x{n}"))
        return book

    book = run_virtual(run())
    assert book.find("rtc_1") is None
    assert book.find("rtc_x0") is not None


async def _all(book: Book) -> None:
    async with aclosing(book.states("rtc_1")) as states:
        async for _ in states:
            pass
