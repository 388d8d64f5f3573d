"""A real telephone rings the whole server: real sockets, scripted engines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.carriers.sip.baresip import LIMIT_S, telephone
from tests.carriers.sip.phone import FakeExchange
from tests.e2e.running import free_port
from tests.polling import until
from tests.server.running import Running, running
from tests.server.test_serve import self_signed
from voiceserver.carriers.sip.agent import Agent
from voiceserver.carriers.sip.call import SipCall
from voiceserver.carriers.sip.listener import SipListener
from voiceserver.carriers.table import listeners
from voiceserver.clock import MonotonicClock
from voiceserver.config import Config, ServerConfig, SipConfig, SipTrunk

pytestmark = pytest.mark.net
SIPP_LIMIT_S = 100.0  # it takes three seconds where nothing else runs


def config() -> Config:
    return Config(sip=SipConfig(port=free_port()))


@contextlib.asynccontextmanager
async def running_listener(settings: Config) -> AsyncGenerator[Agent, None]:
    """The carrier alone, as the whole server would have TLS for its page, too."""
    it = SipListener(settings)
    it.bind()
    try:
        async with asyncio.TaskGroup() as group:
            exchange = FakeExchange(settings, group, MonotonicClock())
            taking = group.create_task(it.run(exchange))
            try:
                yield it.agent
            finally:
                for call in exchange.calls:
                    call.hang_up("the test is over")
                taking.cancel()
    finally:
        it.close()


async def emptied(server: Running) -> None:
    await until(lambda: server.metrics.calls._value.get() == 0, LIMIT_S)


async def test_it_rings_hears_the_greeting_and_hangs_up(tmp_path: Path) -> None:
    """And the server has room again."""
    settings = config()
    async with (
        running(settings, listeners=listeners) as server,
        telephone(tmp_path / "phone") as phone,
    ):
        phone.command("dial", f"sip:100@127.0.0.1:{settings.sip.port}")
        await phone.until("CALL_RINGING")
        await phone.until("CALL_ESTABLISHED")
        await until(lambda: phone.hears, LIMIT_S)
        phone.command("hangup")
        await emptied(server)


async def test_the_server_hangs_up(tmp_path: Path) -> None:
    """A server that ends says goodbye to its telephones."""
    settings = config()
    async with (
        telephone(tmp_path / "phone") as phone,
        running(settings, listeners=listeners) as server,
    ):
        phone.command("dial", f"sip:100@127.0.0.1:{settings.sip.port}")
        await phone.until("CALL_ESTABLISHED")
        server.stop.set()
        await phone.until("CALL_CLOSED")


async def test_it_is_held_and_taken_up_again(tmp_path: Path) -> None:
    """Two re-INVITEs; the call lives on."""
    settings = config()
    async with (
        running(settings, listeners=listeners) as server,
        telephone(tmp_path / "phone") as phone,
    ):
        phone.command("dial", f"sip:100@127.0.0.1:{settings.sip.port}")
        await phone.until("CALL_ESTABLISHED")
        phone.command("hold")
        await asyncio.sleep(0.5)
        phone.command("resume")
        await asyncio.sleep(0.5)
        phone.command("hangup")
        closed = await phone.until("CALL_CLOSED")
        assert "Rejected" not in closed.get("param", "")
        await emptied(server)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_it_rings_over_a_connection(tmp_path: Path, transport: str) -> None:
    """In the clear, and with everything encrypted."""
    certificate, key = self_signed(tmp_path)
    secure = transport == "tls"
    sip = SipConfig(port=free_port(), tls_port=free_port())
    settings = replace(
        config(),
        sip=sip,
        server=ServerConfig(tls_cert=str(certificate), tls_key=str(key)),
    )
    line = telephone(tmp_path / "phone", transport, secure, str(certificate))
    async with running_listener(settings) as agent, line as phone:
        port = sip.tls_port if secure else sip.port
        uri = f"sip:100@127.0.0.1:{port};transport={transport}"
        phone.command("dial", uri)
        await phone.until("CALL_ESTABLISHED")
        await until(lambda: phone.hears, LIMIT_S)
        phone.command("hangup")
        await until(lambda: agent.n_legs == 0, LIMIT_S)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_server_rings_it(tmp_path: Path, transport: str) -> None:
    """It is asked by HTTP; the telephone hears the greeting, and hangs up."""
    trunk = SipTrunk(("127.0.0.0/8",), dial=("sip:*@127.0.0.1",), transport=transport)
    settings = Config(sip=SipConfig(port=free_port(), trunk=(trunk,)))
    line = telephone(tmp_path / "phone", answers=True)
    async with running(settings, listeners=listeners) as server, line as phone:
        wanted = {"to": f"sip:phone@127.0.0.1:{phone.sip_port}", "from": "100"}
        async with server.client.post("/v1/calls", json=wanted) as answer:
            assert answer.status == 201, await answer.text()
            path = answer.headers["Location"]
        await phone.until("CALL_ESTABLISHED")
        await until(lambda: phone.hears, LIMIT_S)
        phone.command("hangup")
        async with server.client.get(path + "/events") as events:
            told = [json.loads(each[6:]) async for each in events.content if each[6:]]
        assert [each["state"] for each in told][-2:] == ["answered", "ended"]
        assert told[-1]["result"] == "completed"
        await emptied(server)


async def test_it_follows_a_transfer(tmp_path: Path) -> None:
    """To another number of the same server; the first call ends."""
    trunk = SipTrunk(("127.0.0.0/8",), dial=("sip:*@127.0.0.1",))
    settings = Config(sip=SipConfig(port=free_port(), trunk=(trunk,)))
    line = telephone(tmp_path / "phone")
    async with running_listener(settings) as agent, line as phone:
        port = settings.sip.port
        phone.command("dial", f"sip:100@127.0.0.1:{port}")
        await phone.until("CALL_ESTABLISHED")
        (leg,) = agent._legs.values()
        assert isinstance(leg.talk, SipCall)
        await leg.talk.refer(f"sip:101@127.0.0.1:{port}")
        await phone.until("CALL_ESTABLISHED")
        await until(lambda: leg not in agent._legs.values(), LIMIT_S)
        assert agent.n_legs == 1


async def test_many_ring_at_once(tmp_path: Path) -> None:
    """Over a network that loses one packet in twenty: none fails, none is left."""
    program = shutil.which("sipp")
    if program is None:
        pytest.skip("no sipp (on Debian: apt install sip-tester)")
    sip = SipConfig(port=free_port(), invites_per_s=1000)
    settings = Config(sip=sip)
    async with running(settings, listeners=listeners, max_calls=40) as server:
        # Few at a time: each has its audio, and a machine with ten times its load has
        # little for it. Else sipp, too, ends where it finds itself slow.
        sipp = await asyncio.create_subprocess_exec(
            *(program, "-sn", "uac", f"127.0.0.1:{sip.port}", "-nostdin"),
            *("-i", "127.0.0.1", "-m", "30", "-r", "30", "-d", "200", "-lost", "5"),
            *("-l", "6", "-watchdog_interval", "0", "-max_invite_retrans", "20"),
            *("-max_non_invite_retrans", "20"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(SIPP_LIMIT_S):
                assert await sipp.wait() == 0
        finally:
            if sipp.returncode is None:
                sipp.kill()
                await sipp.wait()
        await emptied(server)


@pytest.mark.parametrize("codecs", ["G722/16000/1", "opus/48000/2"])
async def test_it_rings_in_wideband(tmp_path: Path, codecs: str) -> None:
    """It hears the greeting."""
    settings = config()
    line = telephone(tmp_path / "phone", codecs=codecs)
    async with running_listener(settings) as agent, line as phone:
        phone.command("dial", f"sip:100@127.0.0.1:{settings.sip.port}")
        await phone.until("CALL_ESTABLISHED")
        await until(lambda: phone.hears, LIMIT_S)
        phone.command("hangup")
        await until(lambda: agent.n_legs == 0, LIMIT_S)
