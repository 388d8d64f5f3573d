"""A server of several processes, as it is run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from tests.carriers.sip.phone import OFFER, written
from tests.e2e.running import STUBS, Running, free_port, running_server

pytestmark = pytest.mark.net

LIMIT_S = 60.0  # a busy machine starts a worker slowly


def workers(server: Running) -> list[psutil.Process]:
    front = psutil.Process(server.process.pid)
    return [
        p for p in front.children() if "voiceserver.cli.serving.worker" in p.cmdline()
    ]


@contextlib.asynccontextmanager
async def front() -> AsyncGenerator[tuple[Running, aiohttp.ClientSession], None]:
    """A server of two workers, both up."""
    async with (
        running_server(STUBS + "[server]\nworkers = 2\n") as server,
        aiohttp.ClientSession(base_url=server.url) as client,
    ):
        await all_up(client, 2)
        yield server, client


async def all_up(client: aiohttp.ClientSession, number: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while True:
            async with client.get("/readyz") as answer:
                if (await answer.json()).get("workers") == number:
                    return
            await asyncio.sleep(0.05)


async def calls_of(client: aiohttp.ClientSession) -> str:
    async with client.get("/metrics") as answer:
        text = await answer.text()
    return next(line for line in text.splitlines() if line.startswith("voiceserver_c"))


async def asked(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """Ask for something, and return the event that answers it."""
    await socket.send_json({"type": "input_audio_buffer.clear"})
    while True:
        event: dict[str, Any] = json.loads(await socket.receive_str(timeout=LIMIT_S))
        if event["type"] != "session.created":
            return event


async def test_a_killed_worker_ends_its_calls_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their clients are told at once; it is back soon; SIGTERM leaves nothing."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    async with front() as (server, client):
        before = workers(server)
        sockets = [await client.ws_connect("/v1/realtime") for _ in range(4)]
        for socket in sockets:
            assert (await asked(socket))["type"] == "input_audio_buffer.cleared"
        assert await calls_of(client) == "voiceserver_calls 4.0"
        os.kill(before[0].pid, signal.SIGKILL)
        lost, live = [], []
        for socket in sockets:
            try:
                async with asyncio.timeout(0.5):
                    message = await socket.receive()
                assert message.data == 1012
                assert "connect again" in str(message.extra)
                lost.append(socket)
            except TimeoutError:
                live.append(socket)
        assert (len(lost), len(live)) == (2, 2)
        for socket in live:
            assert (await asked(socket))["type"] == "input_audio_buffer.cleared"
        await all_up(client, 2)
        again = await client.ws_connect("/v1/realtime")
        assert (await asked(again))["type"] == "input_audio_buffer.cleared"
        assert await calls_of(client) == "voiceserver_calls 3.0"
        for socket in (*sockets, again):
            await socket.close()
        family = psutil.Process(server.process.pid).children(recursive=True)
        server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(LIMIT_S):
            assert await server.process.wait() == 0
        assert not [p for p in family if p.is_running()]
        assert os.listdir(tmp_path) == []


async def test_sigterm_lets_calls_of_all_workers_finish() -> None:
    """No new ones; the last says goodbye, and the server ends."""
    async with front() as (server, client):
        sockets = [await client.ws_connect("/v1/realtime") for _ in range(2)]
        for socket in sockets:
            await asked(socket)
        server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(LIMIT_S):
            while True:
                async with client.get("/readyz") as answer:
                    if answer.status == 503:
                        break
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            await client.ws_connect("/v1/realtime")
        for socket in sockets:
            assert (await asked(socket))["type"] == "input_audio_buffer.cleared"
        for socket in sockets:
            await socket.close()
        async with asyncio.timeout(LIMIT_S):
            assert await server.process.wait() == 0


async def test_a_worker_that_is_told_to_end_is_replaced() -> None:
    """It gets no more calls; when those it has are over, another takes its place."""
    async with front() as (server, client):
        sockets = [await client.ws_connect("/v1/realtime") for _ in range(2)]
        first = workers(server)[0]
        first.send_signal(signal.SIGTERM)
        await all_up(client, 1)
        for socket in sockets:
            assert (await asked(socket))["type"] == "input_audio_buffer.cleared"
        for socket in sockets:
            await socket.close()
        await all_up(client, 2)
        assert not first.is_running()


async def test_telephones_count_are_survived_and_told_goodbye() -> None:
    """They come to one worker: its death is that of its calls, not of new ones."""
    pytest.importorskip("aiosipua")
    sip = free_port()
    more = f"[server]\nworkers = 2\nmax_calls = 2\n[sip]\nport = {sip}\n"
    async with (
        running_server(STUBS + more) as server,
        aiohttp.ClientSession(base_url=server.url) as client,
    ):
        await all_up(client, 2)
        with (
            contextlib.closing(Ringing(sip, "first")) as first,
            contextlib.closing(Ringing(sip, "second")) as ring,
            contextlib.closing(Ringing(sip, "third")) as third,
        ):
            assert await first.status() == 200
            await calls_are(client, 1)
            os.kill(workers(server)[0].pid, signal.SIGKILL)
            await calls_are(client, 0)
            await all_up(client, 2)
            assert await ring.status() == 200
            await calls_are(client, 1)
            other = await client.ws_connect("/v1/realtime")
            assert await third.status() == 503
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                await client.ws_connect("/v1/realtime")
            await other.close()
            server.process.send_signal(signal.SIGINT)
            assert await ring.request() == b"BYE"
        async with asyncio.timeout(LIMIT_S):
            assert await server.process.wait() == 0


async def calls_are(client: aiohttp.ClientSession, number: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while True:
            async with client.get("/readyz") as answer:
                if (await answer.json()).get("calls") == number:
                    return
            await asyncio.sleep(0.05)


class Ringing:
    """A telephone that rings once, and repeats itself until it is answered."""

    def __init__(self, port: int, call_id: str) -> None:
        self._to = ("127.0.0.1", port)
        self._call_id = call_id
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()

    async def status(self) -> int:
        """Ring; the final status, which is acknowledged."""
        branch = f"z9hG4bK{self._call_id}"
        invite = written("INVITE", OFFER, branch=branch, call_id=self._call_id)
        async with asyncio.timeout(LIMIT_S):
            while True:
                self._socket.sendto(invite.encode(), self._to)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        return await self._final(branch)

    async def _final(self, branch: str) -> int:
        while True:
            packet = await self._received()
            status = int(packet.split()[1])
            if status >= 200:
                tag = packet.partition(b"To:")[2].partition(b"tag=")[2].split()[0]
                again = branch if status >= 300 else branch + "x"
                ack = written(
                    "ACK",
                    branch=again,
                    to_tag=tag.decode(),
                    call_id=self._call_id,
                )
                self._socket.sendto(ack.encode(), self._to)
                return status

    async def request(self) -> bytes:
        """The method of the next request that comes."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                packet = await self._received()
                if not packet.startswith(b"SIP/2.0"):
                    return packet.split()[0]

    async def _received(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._socket, 65_535)


async def test_a_host_without_its_cluster_serves_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether there is no cluster, or nothing here that knows one."""
    monkeypatch.setenv("VS_SECRET", "a secret that all hosts share")
    config = STUBS + (
        '[server]\nworkers = 1\n[cluster]\naddress = "127.0.0.1:9"\n'
        '[cluster.calls]\nhost = "a"\nurl = "http://127.0.0.1:1"\n'
        'secret_env = "VS_SECRET"\n'
    )
    async with (
        running_server(config) as server,
        aiohttp.ClientSession(base_url=server.url) as client,
        client.ws_connect("/v1/realtime") as call,
    ):
        assert (await asked(call))["type"] == "input_audio_buffer.cleared"
        async with client.get("/v1/ops") as answer:
            (process,) = (await answer.json())["data"]
        assert process["host"] == "a"
        assert process["calls"][0]["id"].startswith("rtc_a.1_")
        async with client.get("/v1/hosts") as answer:
            (alone,) = (await answer.json())["data"]
        assert (alone["host"], alone["calls"]) == ("a", 1)
