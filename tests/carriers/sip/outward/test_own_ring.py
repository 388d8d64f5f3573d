"""The server rings itself, over its own sockets."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

import pytest

from tests.e2e.running import free_port
from voiceserver.carriers.sip.listener import SipListener
from voiceserver.carriers.sip.outward.own_ring import WHAT
from voiceserver.carriers.sip.outward.trial import Trial
from voiceserver.config import Config, NumberConfig, SipConfig

pytestmark = pytest.mark.net


async def tried(config: SipConfig) -> dict[str, Trial]:
    it = SipListener(Config(sip=config))
    it.bind()
    try:
        found = {trial.what: trial for trial in await it.trials()}
        assert it.agent.n_legs == 0
        await asyncio.sleep(0)
        return found
    finally:
        it.close()


@pytest.mark.parametrize("numbers", [(), ("*", "100")])
async def test_it_answers_and_audio_comes(numbers: tuple[str, ...]) -> None:
    """At a number that somebody answers, where some are listed."""
    listed = tuple(NumberConfig(number) for number in numbers)
    trial = (await tried(SipConfig(port=free_port(), number=listed)))[WHAT]
    assert trial == Trial(WHAT, True, "rings itself, and audio comes")


async def test_without_a_port_for_audio_it_says_so() -> None:
    """All of the range are in use; or one pair is left, and a call takes two."""
    with ExitStack() as taken:
        for port in range(31_200, 31_204):
            made = taken.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            made.bind(("127.0.0.1", port))
        config = SipConfig(port=free_port(), rtp_port_min=31_200, rtp_port_max=31_203)
        trial = (await tried(config))[WHAT]
        assert not trial.good
        assert "rtp_port_min" in trial.note
    config = SipConfig(port=free_port(), rtp_port_min=31_200, rtp_port_max=31_201)
    trial = (await tried(config))[WHAT]
    assert (trial.good, "503" in trial.note) == (False, True)
