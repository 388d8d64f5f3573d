"""Keys, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.virtual_time import run_virtual
from voiceserver.carriers.telephony.keypad import MOST_KEYS, Keypad


def entries(
    scenario: Callable[[Keypad], Coroutine[Any, Any, None]],
) -> list[tuple[float, str]]:
    """What was entered, and when."""

    async def run() -> list[tuple[float, str]]:
        loop = asyncio.get_running_loop()
        began_s, found = loop.time(), list[tuple[float, str]]()
        pressed: list[str] = []

        def entered(keys: str) -> None:
            assert "".join(pressed).removesuffix("#").endswith(keys.strip("#"))
            found.append((loop.time() - began_s, keys))

        keypad = Keypad(3, pressed.append, entered)
        await scenario(keypad)
        await asyncio.sleep(10)
        return found

    return run_virtual(run())


@pytest.mark.parametrize(
    ("keys", "entered_s", "entered"),
    [("123#", 3.0, "123"), ("1", 3.0, "1"), ("12", 4.0, "12"), ("#", 0.0, "#")],
)
def test_an_entry_ends_with_the_hash_or_in_time(
    keys: str, entered_s: float, entered: str
) -> None:
    """One key a second, and three seconds after the last."""

    async def scenario(keypad: Keypad) -> None:
        for key in keys:
            keypad.press(key)
            await asyncio.sleep(1)

    ((at_s, found),) = entries(scenario)
    assert found == entered
    assert at_s == pytest.approx(entered_s, abs=0.01)


def test_entries_follow_one_another() -> None:
    """The star is a key like any other."""

    async def scenario(keypad: Keypad) -> None:
        for key in "1#*2#":
            keypad.press(key)

    assert [keys for _, keys in entries(scenario)] == ["1", "*2"]


def test_nobody_presses_a_hundred_keys_in_a_second() -> None:
    """Those above the limit are none."""

    async def scenario(keypad: Keypad) -> None:
        taken = [keypad.press("7") for _ in range(100)]
        assert sum(taken) == MOST_KEYS

    assert entries(scenario) == [(0.0, "7" * MOST_KEYS)]


def test_an_entry_ends_with_the_call() -> None:
    """Nobody waits for it."""

    async def scenario(keypad: Keypad) -> None:
        keypad.press("1")
        keypad.close()

    assert entries(scenario) == []
