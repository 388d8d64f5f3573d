"""A service that hears while somebody speaks: partials, ends, faults and costs."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing

import pytest

from tests.fake_sockets import FakeSockets
from tests.live_scripts import FluxScript, NovaScript
from tests.virtual_time import run_virtual
from voiceserver.budget import Spent
from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import DICTATION, Hypothesis
from voiceserver.engines.hearing.deepgram import wire
from voiceserver.engines.hearing.live import (
    MAX_WAITING_BYTES,
    LiveService,
    LiveUtterance,
)
from voiceserver.engines.notes import Note
from voiceserver.errors import ProviderFailed

BLOCK = bytes(1280)  # 40 ms
PRICE = 60.0  # a dollar a second


def service(sockets: FakeSockets, model: str = "nova-3") -> LiveService:
    """One of Deepgram's."""
    provider = RecogniserProvider("ears", "http://h", model, "deepgram", price=PRICE)
    return LiveService(provider, sockets, wire, {"Authorization": "Token k"})


async def speak(live: LiveUtterance, seconds: float) -> None:
    """As fast as people do."""
    for _ in range(round(seconds * 25)):
        live.push(BLOCK)
        await asyncio.sleep(0.04)


async def talk(sockets: FakeSockets, seconds: float = 1.0) -> tuple[str, list[Note]]:
    """One utterance with Nova."""
    notes: list[Note] = []
    live = service(sockets).listen(DICTATION)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(live.run())
        await speak(live, seconds)
        live.end()
        try:
            async with asyncio.timeout(1):
                return (await live.final(notes.append)).text, notes
        finally:
            task.cancel()


def costs(notes: list[Note]) -> list[float]:
    """In dollars."""
    return [note.cost_usd for note in notes if isinstance(note, Spent)]


def test_words_come_while_it_is_spoken_and_the_last_at_the_end() -> None:
    async def scenario() -> None:
        sockets = FakeSockets("a b c")
        live = service(sockets).listen(DICTATION)
        async with asyncio.TaskGroup() as group:
            group.create_task(live.run())
            await speak(live, 0.4)
            assert live.latest == Hypothesis("a", logprob=math.log(0.5))
            await speak(live, 0.4)
            live.end()
            final = await live.final(lambda _note: None)
        assert (final.text, final.final) == ("a b c", True)
        [socket] = sockets.opened
        assert socket.aborted
        assert isinstance(socket.script, NovaScript)
        assert socket.script.seconds == 0.8
        assert socket.script.messages == ["Finalize", "CloseStream"]

    run_virtual(scenario())


def test_words_are_behind_until_they_tell_of_the_last_voice() -> None:
    async def scenario() -> None:
        live = service(FakeSockets("a b"), "flux-general-en").listen(DICTATION)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(live.run())
            await speak(live, 0.6)
            live.voiced(16_000)
            assert live.latest is not None
            assert (live.latest.behind, live.latest.ended) == (True, None)
            await speak(live, 0.6)
            assert (live.latest.behind, live.latest.ended) == (False, 0.9)
            task.cancel()

    run_virtual(scenario())


def test_where_nobody_tells_of_voices_words_tell_of_nearly_all_audio() -> None:
    """As with a client that ends turns itself."""

    async def scenario() -> None:
        sockets = FakeSockets("a b")
        live = service(sockets).listen(DICTATION)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(live.run())
            await speak(live, 0.6)
            behind = [live.latest and live.latest.behind]
            sockets.opened[0].script.fault = "silence"  # type: ignore[attr-defined]
            await speak(live, 0.6)
            behind.append(live.latest and live.latest.behind)
            assert behind == [False, True]
            task.cancel()

    run_virtual(scenario())


def test_a_pause_without_audio_is_kept_alive() -> None:
    async def scenario() -> None:
        sockets = FakeSockets()
        live = service(sockets).listen(DICTATION)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(live.run())
            await speak(live, 0.4)
            await asyncio.sleep(9)
            task.cancel()
        script = sockets.opened[0].script
        assert isinstance(script, NovaScript)
        assert script.messages == ["KeepAlive", "KeepAlive"]

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("refused", "refused the key"),
        ("garbage", "cannot be read"),
        ("error", "reports a fault"),
        ("hang_up", "hung up in mid-utterance"),
    ],
)
def test_a_fault_is_told_at_the_end_and_takes_the_words_away(
    fault: str, words: str
) -> None:
    async def scenario() -> None:
        live = service(FakeSockets(fault=fault)).listen(DICTATION)
        async with asyncio.TaskGroup() as group:
            group.create_task(live.run())
            await speak(live, 1.0)
            assert live.latest is None
            live.end()
            with pytest.raises(ProviderFailed, match=words):
                await live.final(lambda _note: None)

    run_virtual(scenario())


@pytest.mark.parametrize("fault", ["silence", "late"])
def test_who_says_nothing_is_not_waited_for_here(fault: str) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        run_virtual(talk(FakeSockets(fault=fault)))
    assert isinstance(raised.value.exceptions[0], TimeoutError)


def test_what_is_said_twice_is_heard_once() -> None:
    assert run_virtual(talk(FakeSockets("a b", "twice")))[0] == "a b"


def test_audio_that_was_sent_is_charged_for_once() -> None:
    _, notes = run_virtual(talk(FakeSockets()))
    assert costs(notes) == [pytest.approx(1.0)]


def test_who_refuses_charges_nothing() -> None:
    async def scenario() -> None:
        live = service(FakeSockets(fault="refused")).listen(DICTATION)
        live.push(BLOCK)
        await live.run()
        assert live.charge() is None

    run_virtual(scenario())


def test_who_takes_no_audio_has_failed() -> None:
    async def scenario() -> None:
        live = service(FakeSockets()).listen(DICTATION)
        live.push(bytes(MAX_WAITING_BYTES + 2))
        with pytest.raises(ProviderFailed, match="does not take audio"):
            await live.final(lambda _note: None)

    run_virtual(scenario())


def test_a_whole_utterance_is_heard_at_once() -> None:
    async def scenario() -> None:
        sockets, notes = FakeSockets("a b"), list[Note]()
        asked = service(sockets, "flux-general-en").recognise(
            bytes(64_000), DICTATION, notes.append
        )
        async with aclosing(asked) as heard:
            assert [each.text async for each in heard] == ["a b"]
        assert costs(notes) == [pytest.approx(2.0)]
        script = sockets.opened[0].script
        assert isinstance(script, FluxScript)
        assert script.n_bytes == 64_000

    run_virtual(scenario())


def test_one_that_is_given_up_is_charged_for_and_let_go_of() -> None:
    async def scenario() -> None:
        sockets, notes = FakeSockets(fault="silence"), list[Note]()
        asked = service(sockets).recognise(bytes(32_000), DICTATION, notes.append)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1), aclosing(asked) as heard:
                await anext(heard)
        assert costs(notes) == [pytest.approx(1.0)]
        assert sockets.opened[0].aborted

    run_virtual(scenario())


def test_a_connection_is_proved_once() -> None:
    async def scenario() -> None:
        sockets = FakeSockets()
        ears = service(sockets)
        await ears.warm()
        await ears.warm()
        assert [socket.aborted for socket in sockets.opened] == [True]
        sockets.fault = "refused"
        with pytest.raises(ProviderFailed):
            await service(sockets).warm()

    run_virtual(scenario())
