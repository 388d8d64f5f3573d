"""A front: who gets a call, what is counted, and what is one server's."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.server.front.fronted import Fronted, fronted
from tests.server.test_serve import self_signed
from voiceserver.overload import Load
from voiceserver.server.front.routes import answers, join
from voiceserver.server.front.workers import Worker

pytestmark = pytest.mark.net

SOCKET = "/v1/realtime?model=m"
SECRETS = "/v1/realtime/client_secrets"
KEY = {"Authorization": "Bearer a-key-that-is-long-enough"}
LIMIT_S = 10.0


async def created(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(await socket.receive_str(timeout=LIMIT_S))
    assert event["type"] == "session.created"
    return event


async def refused(server: Fronted, path: str = SOCKET, **kwargs: Any) -> int:
    """The HTTP status that a handshake is refused with."""
    try:
        async with server.client.ws_connect(path, **kwargs):
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


async def emptied(server: Fronted, left: int = 0) -> None:
    """Wait until the front counts no more calls than ``left``."""
    async with asyncio.timeout(LIMIT_S):
        while len(server.front.room) > left:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VS_KEY", "a-key-that-is-long-enough")


async def test_calls_go_where_the_fewest_are() -> None:
    """Two of each, and the worker is in the call's address."""
    async with fronted() as server:
        places = []
        for _ in range(4):
            status, answer, headers = await server.place()
            assert (status, answer[:3]) == (201, "v=0")
            places.append(headers["Location"].rsplit("_", 2)[1])
        assert sorted(places) == ["1", "1", "2", "2"]
        assert {n: len(calls) for n, calls in server.calls_of.items()} == {1: 2, 2: 2}


async def test_a_call_is_hung_up_where_it_is() -> None:
    """And its place is free again."""
    async with fronted() as server:
        for _ in range(2):
            await server.place()
        call = server.calls_of[2][0]
        async with server.client.delete(f"/v1/realtime/calls/{call.call_id}") as answer:
            assert answer.status == 204
        await call.over.wait()
        await emptied(server, left=1)
        assert [w.n_calls for w in server.front.workers] == [1, 0]
        assert not server.calls_of[1][0].over.is_set()


@pytest.mark.parametrize("call_id", ["rtc_1_0", "rtc_9_0", "rtc_0", "x", "rtc_1²_0"])
async def test_an_unknown_call_is_404(call_id: str) -> None:
    """Whether its id looks like ours or not."""
    async with fronted() as server:
        path = f"/v1/realtime/calls/{call_id}"
        status, error = await server.error("DELETE", path)
        assert (status, error["code"]) == (404, "call_not_found")
        assert await refused(server, f"/v1/realtime?call_id={call_id}") == 404


async def test_the_limit_of_calls_is_one_servers() -> None:
    """Not one for each worker; sockets and offers count alike."""
    async with (
        fronted(max_calls=3) as server,
        server.client.ws_connect(SOCKET) as socket,
    ):
        await created(socket)
        for _ in range(2):
            assert (await server.place())[0] == 201
        status, _, headers = await server.place()
        assert (status, headers["Retry-After"]) == (503, "5")
        assert await refused(server) == 503
        await socket.close()
        await emptied(server, left=2)
        assert (await server.place())[0] == 201


async def test_the_limit_of_an_address_holds_over_all_workers() -> None:
    """Both of its calls are on different ones."""
    async with fronted(max_calls_per_address=2) as server:
        for _ in range(2):
            assert (await server.place())[0] == 201
        status, body, _ = await server.place()
        assert status == 503
        assert "An address may hold 2 calls" in body


@pytest.mark.parametrize("offer", ["bad\r\n", "bug\r\n"])
async def test_a_refused_offer_takes_no_place(offer: str) -> None:
    """The worker's answer is passed on."""
    async with fronted(max_calls=1) as server:
        for _ in range(2):
            status, body, _ = await server.place(offer)
            assert status in (400, 500)
            assert "secret" not in body
            assert len(server.front.room) == 0


async def test_a_front_that_cannot_keep_up_refuses_calls() -> None:
    """And only calls."""
    async with fronted() as server:
        server.front.overload.level = Load.FULL
        status, body, _ = await server.place()
        assert (status, json.loads(body)["error"]["code"]) == (503, "overloaded")
        async with server.client.get("/v1/models") as answer:
            assert answer.status == 200


async def test_a_worker_that_has_just_died_is_passed_over() -> None:
    """The next one is asked, by offers and by sockets."""
    async with fronted() as server:
        server.lose(1)
        server.worker(1).up = True  # as in the moment before it is noticed
        for _ in range(2):
            assert (await server.place())[0] == 201
        assert len(server.calls_of[2]) == 2
        assert await refused(server) == 101


async def test_calls_of_a_lost_worker_give_back_their_places() -> None:
    """Those of the others go on, and new ones are taken."""
    async with fronted(max_calls=2) as server:
        for _ in range(2):
            await server.place()
        server.lose(1)
        await emptied(server, left=1)
        assert not server.calls_of[2][0].over.is_set()
        path = f"/v1/realtime/calls/{server.calls_of[1][0].call_id}"
        status, error = await server.error("DELETE", path)
        assert (status, error["code"]) == (503, "worker_lost")
        assert (await server.place())[0] == 201


async def test_a_worker_that_does_not_answer_gets_no_calls() -> None:
    """Until it does again."""
    async with fronted() as server:
        first = server.worker(1)
        async with Worker(1, first.path + ".gone", "") as deaf:
            deaf.up = True
            assert not await answers(deaf)
            assert not deaf.up
        first.up = False
        assert await answers(first)
        assert first.up


async def test_without_workers_calls_are_asked_to_wait() -> None:
    """With the code by which the page tries again by itself."""
    async with fronted(1) as server:
        server.lose(1)
        status, body, headers = await server.place()
        assert (status, json.loads(body)["error"]["code"]) == (503, "not_ready")
        assert headers["Retry-After"] == "5"
        assert (await server.error("GET", "/readyz"))[0] == 503
        async with server.client.get("/healthz") as answer:
            assert answer.status == 200


@pytest.mark.usefixtures("key")
async def test_a_token_is_good_at_every_worker() -> None:
    """Whichever made it; and so is its session."""
    async with fronted(3, api_key_env="VS_KEY") as server:
        session = {"type": "realtime", "instructions": "Be brief."}
        body = {"session": session}
        async with server.client.post(SECRETS, json=body, headers=KEY) as answer:
            value = (await answer.json())["value"]
        headers = {"Authorization": f"Bearer {value}"}
        for _ in range(3):
            assert (await server.place(headers=headers))[0] == 201
        assert [calls[0].session for calls in server.calls_of.values()] == [session] * 3
        assert await refused(server, headers=headers) == 101


@pytest.mark.usefixtures("key")
async def test_a_worker_that_joins_late_knows_the_tokens() -> None:
    """It is told before it takes calls."""
    async with fronted(2, api_key_env="VS_KEY") as server:
        late = server.worker(2)
        late.up = late.reachable = False
        async with server.client.post(SECRETS, json={}, headers=KEY) as answer:
            value = (await answer.json())["value"]
        await join(server.front, late, lambda _news: None)
        server.worker(1).up = False
        headers = {"Authorization": f"Bearer {value}"}
        assert (await server.place(headers=headers))[0] == 201


@pytest.mark.usefixtures("key")
async def test_who_has_no_key_is_refused_at_the_front() -> None:
    """Before anything is counted or any worker asked; metrics need one too."""
    async with fronted(api_key_env="VS_KEY") as server:
        assert (await server.place())[0] == 401
        assert await refused(server) == 401
        assert (await server.error("GET", "/metrics"))[0] == 401
        assert (await server.error("GET", "/v1/models"))[0] == 401
        async with server.client.get("/metrics", headers=KEY) as answer:
            assert "voiceserver_workers 2.0" in await answer.text()


async def test_the_front_has_the_certificate(tmp_path: Path) -> None:
    """Sockets are relayed within TLS, offers are answered in it."""
    cert, key = self_signed(tmp_path)
    async with fronted(tls_cert=str(cert), tls_key=str(key)) as server:
        trusting = ssl.create_default_context(cafile=str(cert))
        async with server.client.ws_connect(SOCKET, ssl=trusting) as socket:
            assert (await created(socket))["session"]["model"] == "m"
            await socket.send_json({"type": "input_audio_buffer.clear"})
            heard = await socket.receive_json(timeout=LIMIT_S)
            assert heard["type"] == "input_audio_buffer.cleared"
        assert (await server.place(ssl=trusting))[0] == 201


async def test_foreign_pages_are_refused_at_the_front() -> None:
    """As by a server of one process."""
    async with fronted() as server:
        headers = {"Origin": "https://elsewhere.example"}
        assert (await server.place(headers=headers))[0] == 403


async def test_a_provider_is_drained_at_every_worker() -> None:
    """Each has breakers of its own; what none of them has is 404."""
    async with fronted() as server:
        path = "/v1/providers/text/house"
        async with server.client.post(f"{path}/drain") as answer:
            assert (await answer.json())["state"] == "drained"
        states = [routes[0].state for routes in server.providers_of.values()]
        assert states == ["drained", "drained"]
        async with server.client.post("/v1/providers/text/nobody/drain") as answer:
            assert answer.status == 404


async def test_metrics_are_added_up_and_never_fall() -> None:
    """Also when a worker is lost, whose calls it had counted."""
    async with fronted() as server:
        for _ in range(3):
            await server.place("bad\r\n")
        for _ in range(2):
            await server.place()

        async def shown() -> dict[str, float]:
            async with server.client.get("/metrics") as answer:
                lines = (await answer.text()).splitlines()
            pairs = [line.rsplit(" ", 1) for line in lines if line[0] != "#"]
            return {name: float(value) for name, value in pairs}

        ended = 'voiceserver_calls_ended_total{end="refused"}'
        before = await shown()
        assert (before["voiceserver_calls"], before[ended]) == (2, 3)
        server.lose(2)
        after = await shown()
        assert (after["voiceserver_calls"], after[ended]) == (1, 3)


async def test_what_is_not_of_a_call_is_passed_on_with_its_body() -> None:
    """Both ways, as it comes."""
    async with fronted() as server:
        body = {"input": "Hello.", "response_format": "pcm"}
        async with server.client.post("/v1/audio/speech", json=body) as answer:
            assert answer.status == 200
            assert answer.headers["Server"] == "voiceserver"
            assert len(await answer.read()) > 1000
        status, error = await server.error("POST", "/v1/audio/speech", data=b"{}")
        assert (status, error["code"]) == (415, "unsupported_media_type")
        assert (await server.error("GET", "/v1/nothing"))[0] == 404


@pytest.mark.parametrize("path", ["/internal/tokens", "/v1/../internal/tokens"])
async def test_what_is_between_front_and_worker_is_closed_to_others(path: str) -> None:
    """However the path is written."""
    async with fronted() as server:
        url = URL(server.url + path, encoded=True)
        async with server.client.post(url, data=b"{}") as answer:
            assert answer.status == 404


async def test_a_sideband_finds_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the worker's number in its id; it takes no place of a call."""
    known = SimpleNamespace(token_hex=lambda n: "0")
    monkeypatch.setattr("voiceserver.server.admission.secrets", known)
    async with fronted(max_calls=2) as server:
        await server.place()
        async with server.client.ws_connect(SOCKET) as socket:
            await created(socket)
            path = "/v1/realtime?call_id=rtc_2_0"
            async with server.client.ws_connect(path) as sideband:
                await created(sideband)
                await socket.send_json({"type": "input_audio_buffer.clear"})
                heard = await sideband.receive_json(timeout=LIMIT_S)
                assert heard["type"] == "input_audio_buffer.cleared"
                assert len(server.front.room) == 2


async def test_a_call_can_be_ended_while_its_worker_takes_no_others() -> None:
    """It drains, or was late to answer once: it holds its calls all the same."""
    async with fronted() as server:
        await server.place()
        call = server.calls_of[1][0]
        [worker] = [one for one in server.front.workers if one.number == 1]
        worker.up = False
        async with server.client.delete(f"/v1/realtime/calls/{call.call_id}") as answer:
            assert answer.status == 204
        await call.over.wait()


@pytest.mark.usefixtures("key")
async def test_a_token_with_words_of_any_script_is_good_at_every_worker() -> None:
    """20,000 Greek letters: escaped they would be three times as large."""
    async with fronted(2, api_key_env="VS_KEY") as server:
        words = "\u03b1" * 20_000
        session = {"type": "realtime", "instructions": words}
        body = json.dumps({"session": session}, ensure_ascii=False)
        async with server.client.post(
            SECRETS,
            data=body.encode(),
            headers=KEY | {"Content-Type": "application/json"},
        ) as answer:
            value = (await answer.json())["value"]
        headers = {"Authorization": f"Bearer {value}"}
        for _ in range(2):
            assert (await server.place(headers=headers))[0] == 201
        assert [calls[0].session for calls in server.calls_of.values()] == [session] * 2


async def test_audio_goes_where_the_fewest_requests_are() -> None:
    """However many calls the other has; a call that is waited for is no request."""
    async with fronted() as server:
        first, second = server.front.workers
        with first.holding_call():
            second.n_requests = 2
            assert server.front.workers.least_asked == [first, second]
            assert server.front.workers.up == [second, first]
        second.n_requests = 0
        await server.place()
        assert [first.n_requests, second.n_requests] == [0, 0]


async def test_the_operators_page_is_told_of_every_worker() -> None:
    """In one list; one that is gone is left out."""
    async with fronted() as server:
        await server.place()
        async with server.client.get("/v1/ops") as answer:
            processes = (await answer.json())["data"]
        assert [one["process"] for one in processes] == [1, 2]
        server.lose(2)
        async with server.client.get("/v1/ops") as answer:
            assert [one["process"] for one in (await answer.json())["data"]] == [1]
