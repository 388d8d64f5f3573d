"""The telephone's benchmark: what it makes of packets, and its own telephone."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.phone import FLOOD, JUNK, at_most, spacing_ms, voiced
from benchmarks.phone_caller import FRAME, Telephone, mu_law
from tests.e2e.running import free_port
from tests.polling import until
from tests.server.running import running
from voiceserver.carriers.table import listeners
from voiceserver.config import Config, SipConfig, TelephonyConfig


def test_what_is_said_is_whole_packets_over_a_quiet_room() -> None:
    """20 ms each; the room is never digital silence, nor is it voiced."""
    loud, quiet = np.full(FRAME * 2, 0.3, np.float32), np.zeros(1, np.float32)
    packets = mu_law(np.concatenate([loud, quiet]))
    assert [len(each) for each in packets] == [FRAME] * 3
    phone = Telephone(5060, [(float(n), each) for n, each in enumerate(packets)])
    assert voiced(phone.decoded(-1.0)) == [0.0, 1.0]
    assert voiced(phone.decoded(0.5)) == [1.0]
    assert spacing_ms([0.0, 0.02, 0.05]) == pytest.approx([20, 30])


def test_lateness_is_told_by_the_buckets_that_enough_were_in() -> None:
    """Of what came between two looks."""
    before = {1.0: 100.0, 10.0: 100.0, float("inf"): 100.0}
    after = {1.0: 160.0, 10.0: 197.0, float("inf"): 200.0}
    told = {"p50": 1.0, "p95": 10.0, "p99": None, "n": 100.0}
    assert at_most(before, after) == told


def test_the_flood_is_a_program() -> None:
    """With junk of its own."""
    compile(FLOOD.format(junk=JUNK), "flood", "exec")


@pytest.mark.net
async def test_it_rings_is_greeted_and_hangs_up() -> None:
    """By a server like any, which has room again."""
    sip, quiet = SipConfig(port=free_port()), TelephonyConfig(ask_after_s=0)
    config = Config(sip=sip, telephony=quiet)
    async with running(config, listeners=listeners) as server:
        phone = Telephone(sip.port)
        await phone.ring()
        assert phone.answered_ms > 0
        await until(lambda: len(voiced(phone.decoded(0.0))) > 2)
        await phone.hang_up()
        await until(lambda: server.metrics.calls._value.get() == 0)
