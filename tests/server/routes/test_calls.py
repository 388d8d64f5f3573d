"""Placing and hanging up calls over HTTP."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from tests.server.running import ANSWER, OFFER, fake_engines, running
from voiceserver.overload import Load

pytestmark = pytest.mark.net
PATH = "/v1/realtime/calls"


def form(*parts: tuple[str, bytes, str]) -> aiohttp.MultipartWriter:
    """A form of ``(name, content, type)``."""
    writer = aiohttp.MultipartWriter("form-data")
    for name, content, kind in parts:
        part = writer.append(content, {"Content-Type": kind})
        part.set_content_disposition("form-data", name=name)
    return writer


async def test_an_offer_is_answered_with_the_calls_address() -> None:
    """201, SDP, and a Location that the client may read."""
    async with running() as server:
        status, body, headers = await server.place(
            headers={"Origin": "http://localhost:3000"}
        )
        assert (status, body) == (201, ANSWER)
        assert headers["Content-Type"].startswith("application/sdp")
        assert headers["Location"] == f"{PATH}/{server.placed[0].call_id}"
        assert server.placed[0].call_id.startswith("rtc_")
        assert "Location" in headers["Access-Control-Expose-Headers"]
        assert headers["Access-Control-Allow-Origin"] == "http://localhost:3000"


async def test_a_server_that_cannot_keep_up_refuses_new_calls() -> None:
    """With a reason; what was below that is left out before."""
    engines = fake_engines()
    async with running(engines=engines) as server:
        engines.overload.level = Load.SHORT
        assert (await server.place())[0] == 201
        engines.overload.level = Load.FULL
        status, body, headers = await server.place()
        assert status == 503 and "overloaded" in body
        assert "Retry-After" in headers
        assert len(server.placed) == 1


async def test_a_form_carries_the_session() -> None:
    """Parts ``sdp`` and ``session``, as SDKs send them."""
    session = {"type": "realtime", "audio": {"output": {"voice": "echo"}}}
    async with running() as server:
        writer = form(
            ("sdp", OFFER.encode(), "application/sdp"),
            ("session", json.dumps(session).encode(), "application/json"),
        )
        async with server.client.post(PATH, data=writer) as answer:
            assert answer.status == 201
        assert server.placed[0].session == session


async def test_the_model_of_the_address_is_overruled_by_the_session() -> None:
    """The dialect is given both, and knows which is stronger."""
    async with running() as server:
        await server.place(params={"model": "a"})
        writer = form(
            ("sdp", OFFER.encode(), "application/sdp"),
            ("session", b'{"model": "b"}', "application/json"),
        )
        async with server.client.post(PATH, data=writer, params={"model": "a"}):
            pass
        first, second = server.placed
        assert (first.address, first.session) == ({"model": "a"}, {})
        assert second.session == {"model": "b"}


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "application/sdp", 400, "invalid_sdp"),
        (b" \r\n", "application/sdp", 400, "invalid_sdp"),
        (b"\xff\xfe", "application/sdp", 400, "invalid_sdp"),
        (b"bad", "application/sdp", 400, "invalid_sdp"),
        (b"v=0" + b"a" * 32_000, "application/sdp", 413, "too_large"),
        (b"{}", "application/json", 415, "unsupported_media_type"),
        (b"x", "multipart/form-data", 400, "invalid_form"),
        (b"x", "multipart/form-data; boundary=b", 400, "invalid_form"),
        (b"--b\r\n\r\n", "multipart/form-data; boundary=b", 400, "invalid_form"),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 400, "missing_field"),
        (b"bug", "application/sdp", 500, "internal_error"),
    ],
)
async def test_a_bad_offer_is_refused(
    body: bytes, kind: str, status: int, code: str
) -> None:
    """With the reason, and nothing of the inside."""
    async with running() as server:
        got, error = await server.error(
            "POST", PATH, data=body, headers={"Content-Type": kind}
        )
        assert (got, error["code"]) == (status, code)
        assert "secret" not in error["message"]
        assert await settled_calls(server) == 0


async def settled_calls(server) -> float:  # type: ignore[no-untyped-def]
    """The gauge of calls, once the last has let go."""
    for _ in range(20):
        await asyncio.sleep(0)
    value = server.metrics.registry.get_sample_value("voiceserver_calls")
    assert value is not None
    return float(value)


@pytest.mark.parametrize(
    "session", [b"", b"[]", b"{", b"\xff", b"[" * 10_000, b'{"a": NaN}']
)
async def test_a_session_that_is_no_object_is_refused(session: bytes) -> None:
    """With the name of the part."""
    async with running() as server:
        writer = form(
            ("sdp", OFFER.encode(), "application/sdp"),
            ("session", session, "application/json"),
        )
        status, error = await server.error("POST", PATH, data=writer)
        assert (status, error["param"]) == (400, "session")


async def test_a_form_beyond_its_limits_is_refused() -> None:
    """Large in one part, in all, or in the number of parts."""
    async with running() as server:
        for writer in (
            form(("sdp", b"v" * 33_000, "application/sdp")),
            form(("other", b"v" * 70_000, "text/plain")),
            form(*[("other", b"v" * 60_000, "text/plain")] * 3),
        ):
            status, error = await server.error("POST", PATH, data=writer)
            assert (status, error["code"]) == (413, "too_large")
        writer = form(*[("x", b"1", "text/plain")] * 70)
        status, error = await server.error("POST", PATH, data=writer)
        assert (status, error["code"]) == (400, "invalid_form")


async def test_a_form_that_does_not_say_its_length_has_the_same_limit() -> None:
    """A part that comes again and again took the room of all other uploads."""
    async with running() as server:
        writer = form(*[("other", b"v" * 60_000, "text/plain")] * 5)
        status, error = await server.error("POST", PATH, data=writer, chunked=True)
        assert (status, error["code"]) == (413, "too_large")


async def test_a_call_too_many_is_refused_with_a_reason() -> None:
    """503, when to come back, and why."""
    async with running(max_calls=1) as server:
        await server.place()
        status, body, headers = await server.place()
        error = json.loads(body)["error"]
        assert (status, headers["Retry-After"]) == (503, "5")
        assert "busy" in error["message"]
        assert error["type"] == "server_error"


@pytest.mark.parametrize(("method", "suffix"), [("DELETE", ""), ("POST", "/hangup")])
async def test_a_call_is_hung_up_by_its_address(method: str, suffix: str) -> None:
    """And makes room for the next."""
    async with running(max_calls=1) as server:
        _, _, headers = await server.place()
        address = headers["Location"] + suffix
        async with server.client.request(method, address) as answer:
            assert answer.status in (200, 204)
        await server.placed[0].over.wait()
        assert (await server.place())[0] == 201


async def test_hanging_up_nothing_is_not_found() -> None:
    """404 in the usual shape."""
    async with running() as server:
        status, error = await server.error("DELETE", PATH + "/rtc_none")
        assert (status, error["code"]) == (404, "call_not_found")


async def test_offers_wait_until_the_engines_are_warm() -> None:
    """503 until then."""
    async with running(warm=False) as server:
        status, body, headers = await server.place()
        assert (status, "Retry-After" in headers) == (503, True)
        assert json.loads(body)["error"]["code"] == "not_ready"
