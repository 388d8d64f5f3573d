"""Several hosts as one server: who takes a call, and where it is found."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.server.front.hosted import LONG_S, SECRET, Hosted, hosted
from tests.server.running import OFFER
from voiceserver.cluster.secret import PassedOn, Secrets
from voiceserver.server.front.common import News
from voiceserver.server.front.host import SEAL_HEADER

pytestmark = pytest.mark.net

CALLS = "/v1/realtime/calls"
SOCKET = "/v1/realtime?model=m"
SECRETS = "/v1/realtime/client_secrets"
LIMIT_S = 10.0


async def placed_at(hosts: Hosted, entry: str, **kwargs: Any) -> tuple[int, str]:
    """Place a call at a host; return status and the call's id."""
    status, _, headers = await hosts[entry].place(**kwargs)
    return status, headers.get("Location", "").rpartition("/")[2]


async def emptied(hosts: Hosted, name: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while len(hosts[name].front.room):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def test_calls_go_where_the_most_room_is() -> None:
    """Whichever host is asked; and each tells in its calls' ids which it is."""
    async with hosted("a", "b", max_calls=4) as hosts:
        ids = [(await placed_at(hosts, "a"))[1] for _ in range(6)]
        assert hosts.calls() == {"a": 3, "b": 3}
        assert sum(one.startswith("rtc_a.1_") for one in ids) == 3
        assert sum(one.startswith("rtc_b.1_") for one in ids) == 3
        for _ in range(2):
            assert (await placed_at(hosts, "b"))[0] == 201
        status, text, headers = await hosts["a"].place()
        assert (status, headers["Retry-After"]) == (503, "5")
        assert "All 4 lines are busy" in text


async def test_a_call_is_found_from_every_host() -> None:
    """It is hung up where it is; an id that nobody gave is nobody's."""
    async with hosted("a", "b") as hosts:
        hosts.spread("a").hosts.draining = True
        _, call_id = await placed_at(hosts, "a")
        assert call_id.startswith("rtc_b.1_")
        async with hosts["a"].client.delete(f"{CALLS}/{call_id}") as answer:
            assert answer.status == 204
        await emptied(hosts, "b")
        assert hosts["b"].placed[0].reasons
        for unknown in ("rtc_b.1_0", "rtc_c.1_0", "rtc_1_0", "x"):
            status, error = await hosts["a"].error("DELETE", f"{CALLS}/{unknown}")
            assert (status, error["code"]) == (404, "call_not_found")


async def test_sockets_and_sidebands_are_relayed() -> None:
    """A call by WebSocket at another host, and one that listens to it from here."""
    async with hosted("a", "b") as hosts:
        hosts.spread("a").hosts.draining = True
        async with hosts["a"].client.ws_connect(SOCKET) as socket:
            created = json.loads(await socket.receive_str(timeout=LIMIT_S))
            assert created["type"] == "session.created"
            (call_id,) = [
                one for one in await ids_at(hosts, "b") if one.startswith("rtc_b.")
            ]
            path = f"/v1/realtime?call_id={call_id}"
            async with hosts["a"].client.ws_connect(path) as sideband:
                told = json.loads(await sideband.receive_str(timeout=LIMIT_S))
                assert told["type"] == "session.created"
            # Not over before the socket is, as it goes through here.
            idle = asyncio.ensure_future(hosts.spread("a").idle())
            await asyncio.sleep(0)
            assert not idle.done()
        async with asyncio.timeout(LIMIT_S):
            await idle


async def ids_at(hosts: Hosted, name: str) -> list[str]:
    """Calls that a host tells of."""
    async with hosts[name].client.get("/v1/ops") as answer:
        told = await answer.json()
    return [call["id"] for process in told["data"] for call in process["calls"]]


async def test_what_all_hosts_do_is_told_by_each() -> None:
    """Once each, with its host's name."""
    async with hosted("a", "b", n_workers=2) as hosts:
        async with hosts["a"].client.get("/v1/ops") as answer:
            told = (await answer.json())["data"]
        found = sorted((one["host"], one["process"]) for one in told)
        assert found == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
        async with hosts["b"].client.get("/v1/hosts") as answer:
            rows = (await answer.json())["data"]
        assert [(row["host"], row["calls"]) for row in rows] == [("b", 0), ("a", 0)]


async def test_a_token_is_good_at_every_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also at one that came later; it says whose key it was made with."""
    monkeypatch.setenv("VS_KEY", "a-key-that-is-long-enough")
    key = {"Authorization": "Bearer a-key-that-is-long-enough"}
    async with hosted("a", "b", api_key_env="VS_KEY") as hosts:
        asked = {"session": {"type": "realtime", "instructions": "Be brief."}}
        post = hosts["a"].client.post(SECRETS, json=asked, headers=key)
        async with post as answer:
            value = (await answer.json())["value"]
        token = {"Authorization": f"Bearer {value}"}
        for entry in ("a", "b"):
            assert (await placed_at(hosts, entry, headers=token))[0] == 201
        assert hosts.calls() == {"a": 1, "b": 1}
        for call in (hosts["a"].placed[0], hosts["b"].placed[0]):
            assert call.session["instructions"] == "Be brief."
        wrong = {"Authorization": f"Bearer {value[:-1]}"}
        assert (await placed_at(hosts, "b", headers=wrong))[0] == 401


async def test_limits_of_an_address_hold_over_all_hosts() -> None:
    """As of the last beat; who is passed on counts where its call is."""
    async with hosted("a", "b", max_calls=9, max_calls_per_address=2) as hosts:
        for entry in ("a", "b"):
            assert (await placed_at(hosts, entry))[0] == 201
        await hosts.beat()
        for entry in ("a", "b"):
            status, text, _ = await hosts[entry].place()
            assert (status, "may hold 2 calls" in text) == (503, True)


async def test_a_host_that_drains_passes_on_what_comes() -> None:
    """Asked for at another; its calls stay, and it takes some again when told."""
    async with hosted("a", "b") as hosts:
        hosts.spread("b").hosts.draining = True
        await placed_at(hosts, "a")
        hosts.spread("b").hosts.draining = False
        await hosts.beat()
        async with hosts["b"].client.post("/v1/hosts/a/drain") as answer:
            told = await answer.json()
        assert (told["draining"], told["calls"], told["relayed"]) == (True, 1, 0)
        for _ in range(3):
            assert (await placed_at(hosts, "a"))[0] == 201
        assert hosts.calls() == {"a": 1, "b": 3}
        async with hosts["a"].client.get("/readyz") as answer:
            assert answer.status == 503
        async with hosts["a"].client.delete("/v1/hosts/a/drain") as answer:
            assert not (await answer.json())["draining"]
        await hosts.beat()
        await placed_at(hosts, "a")
        assert hosts.calls()["a"] == 2
        status, error = await hosts["a"].error("POST", "/v1/hosts/z/drain")
        assert (status, error["code"]) == (404, "host_not_found")
        assert "a, b" in error["message"]


async def test_a_host_that_died_costs_a_caller_nothing() -> None:
    """Its calls are gone with it; new ones go elsewhere, and its lease ends."""
    async with hosted("a", "b") as hosts:
        hosts.spread("a").hosts.draining = True
        _, lost = await placed_at(hosts, "a")
        hosts.spread("a").hosts.draining = False
        there = hosts.spread("b").hosts
        there.me = replace(there.me, url="http://127.0.0.1:9")  # nobody listens there
        await hosts.beat()
        for _ in range(3):
            assert (await placed_at(hosts, "a"))[0] == 201
        assert hosts.calls()["a"] == 3
        status, error = await hosts["a"].error("DELETE", f"{CALLS}/{lost}")
        assert (status, error["code"]) == (503, "worker_lost")


async def test_without_the_directory_calls_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """New ones stay, those elsewhere are found; it is said once."""
    async with hosted("a", "b") as hosts:
        hosts.spread("a").hosts.draining = True
        _, there = await placed_at(hosts, "a")
        hosts.spread("a").hosts.draining = False
        hosts.registry.gone = True
        for _ in range(3):
            await hosts.beat()
        hosts.spread("a").hosts._seen_s -= LONG_S
        lines = [one.message for one in caplog.records if "directory" in one.message]
        assert len(lines) == 2  # of two hosts
        for _ in range(3):
            assert (await placed_at(hosts, "a"))[1].startswith("rtc_a.")
        async with hosts["a"].client.delete(f"{CALLS}/{there}") as answer:
            assert answer.status == 204
        hosts.registry.gone = False
        await hosts.beat()
        assert hosts.spread("a").hosts.joined


async def test_two_halves_of_a_cluster_let_in_what_each_has_room_for() -> None:
    """No call is owned twice, and once they are one again each finds all of them."""
    async with hosted("a", "b", max_calls=2) as hosts:
        hosts.registry.gone = True
        await hosts.beat()
        for name in ("a", "b"):
            hosts.spread(name).hosts._seen_s -= LONG_S
        ids = [(await placed_at(hosts, entry))[1] for entry in "abab"]
        assert [one.partition(".")[0] for one in ids] == ["rtc_a", "rtc_b"] * 2
        for again in (True, False):
            for entry in ("a", "b"):
                assert (await placed_at(hosts, entry))[0] == 503
            hosts.registry.gone = not again
            await hosts.beat()
        assert hosts.calls() == {"a": 2, "b": 2}
        for call_id, elsewhere in zip(ids, "baba", strict=True):
            path = f"{CALLS}/{call_id}"
            async with hosts[elsewhere].client.delete(path) as answer:
                assert answer.status == 204
        for name in ("a", "b"):
            await emptied(hosts, name)


async def test_what_a_provider_costs_and_fails_is_known_at_all_hosts() -> None:
    """By their beats: a breaker that opens, what a day has cost."""
    async with hosted("a", "b") as hosts:
        told: list[News] = []
        hosts["b"].front.common.joined(7, told.append)
        day = hosts.spread("a").hosts.shared.day
        opened: News = {"slot": "text", "provider": "p", "state": "open", "opened": 1}
        opened["probe_s"] = time.monotonic() + 5.0
        spent: News = {"day": day, "spent_usd": 0.5}
        for news in (opened, spent):
            hosts["a"].front.heard(1, news)
        await hosts.beat()
        assert [one["state"] for one in told if "state" in one] == ["open"]
        assert told[-1] == {"day": day, "elsewhere_usd": 0.5}


async def test_hosts_of_another_secret_are_no_hosts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The directory says so; and what such a one passes on is refused, not taken."""
    foreign = Secrets("a secret of somebody else's")
    async with hosted("a", "b", secrets={"b": foreign}) as hosts:
        assert "the secret of this host is not that of host" in caplog.text
        assert not hosts.spread("b").hosts.joined
        seal = foreign.seal(PassedOn("b", "a", "1.2.3.4", 0.0), "POST", CALLS)
        headers = {SEAL_HEADER: seal, "Content-Type": "application/sdp"}
        for _ in range(2):
            post = hosts["a"].client.post(CALLS, data=OFFER, headers=headers)
            async with post as answer:
                error = (await answer.json())["error"]
            assert (answer.status, error["code"]) == (403, "host_refused")
            assert "secret" in error["message"]
        assert caplog.text.count("what a host passed on is refused") == 1


async def test_a_host_that_refuses_us_is_passed_by() -> None:
    """A caller never sees what hosts have between them."""
    async with hosted("a", "b") as hosts:
        there = hosts.spread("b").hosts
        there.me = replace(there.me, secrets=Secrets("another secret, since now"))
        for _ in range(3):
            assert (await placed_at(hosts, "a"))[1].startswith("rtc_a.")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await hosts["a"].client.ws_connect("/v1/realtime?call_id=rtc_b.1_0")
        assert refused.value.status == 403


async def test_a_seal_admits_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no key has none at another host."""
    monkeypatch.setenv("VS_KEY", "a-key-that-is-long-enough")
    async with hosted("a", api_key_env="VS_KEY") as hosts:
        passed = PassedOn("b", "a", "1.2.3.4", time.time())
        seal = Secrets(SECRET).seal(passed, "POST", CALLS)
        status, _, _ = await hosts["a"].place(headers={SEAL_HEADER: seal})
        assert status == 401
