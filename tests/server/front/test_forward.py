"""Requests passed on to workers, and their answers back."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict

from voiceserver.metrics import Metrics
from voiceserver.server.answers import errors_told
from voiceserver.server.front.forward import (
    answer_of,
    first_to_take,
    pass_on,
    passed_on,
)
from voiceserver.server.front.workers import Worker

pytestmark = pytest.mark.net
LIMIT_S = 10.0
Served = tuple[aiohttp.ClientSession, list[Worker]]


def test_headers_of_one_connection_stay_with_it() -> None:
    """The others are passed on, each as often as it came."""
    headers = CIMultiDict(
        [("Connection", "close"), ("X", "1"), ("X", "2"), ("Upgrade", "h2c")]
    )
    assert passed_on(headers) == CIMultiDict([("X", "1"), ("X", "2")])


@contextlib.asynccontextmanager
async def served(folder: Path, *statuses: int) -> AsyncGenerator[Served, None]:
    """A front of workers that answer so; one of status 0 is dead."""
    async with contextlib.AsyncExitStack() as stack:
        workers = []
        for number, status in enumerate(statuses, 1):
            path = str(folder / f"{number}.sock")
            worker = Worker(number, path, "")
            workers.append(await stack.enter_async_context(worker))
            if status:
                await _serve(stack, web.UnixSite, path, _answering(number, status))

        async def taken(request: web.Request) -> web.Response:
            body = await request.read()
            return answer_of((await first_to_take(request, workers, body))[1])

        async def passed(request: web.Request) -> web.StreamResponse:
            return await pass_on(request, workers)

        app = web.Application(middlewares=[errors_told(Metrics())])
        app.router.add_post("/taken", taken)
        app.router.add_route("*", "/{rest:.*}", passed)
        runner = await _serve(stack, web.TCPSite, "127.0.0.1", app)
        host, port = runner.addresses[0][:2]
        client = aiohttp.ClientSession(base_url=f"http://{host}:{port}")
        yield await stack.enter_async_context(client), workers


async def _serve(
    stack: contextlib.AsyncExitStack, site: type, place: str, app: web.Application
) -> web.AppRunner:
    runner = web.AppRunner(app, shutdown_timeout=0.1, lingering_time=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await (
        site(runner, place, 0) if site is web.TCPSite else site(runner, place)
    ).start()
    return runner


def _answering(number: int, status: int) -> web.Application:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/half":
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"half")
            assert request.transport is not None
            request.transport.abort()
            return response
        body = await request.read()
        text = f"{number} {request.raw_path} {len(body)}"
        if request.path == "/declared":
            text = str(request.headers.getall("Content-Length", []))
        return web.Response(status=status, text=text, headers={"X-Who": str(number)})

    app = web.Application(client_max_size=30_000_000)
    app.router.add_route("*", "/{rest:.*}", answer)
    return app


async def test_who_is_dead_or_full_is_passed_over(tmp_path: Path) -> None:
    """The third takes it, and is given the whole body."""
    async with (
        served(tmp_path, 0, 503, 201, 201) as (client, _),
        client.post("/taken?a=b%20c", data=b"x" * 100) as answer,
    ):
        assert answer.status == 201
        assert await answer.text() == "3 /taken?a=b%20c 100"
        assert answer.headers["X-Who"] == "3"


async def test_a_refusal_of_all_is_the_last_ones(tmp_path: Path) -> None:
    """But any other answer than 503 is final."""
    for statuses, last in (((503, 503), (503, "2")), ((400, 201), (400, "1"))):
        async with (
            served(tmp_path, *statuses) as (client, _),
            client.post("/taken", data=b"x") as answer,
        ):
            assert (answer.status, (await answer.text())[0]) == last


async def test_without_any_worker_alive_it_is_said(tmp_path: Path) -> None:
    """503, and when to come again."""
    async with served(tmp_path, 0, 0) as (client, _):
        for method, path in (("POST", "/taken"), ("POST", "/x"), ("GET", "/x")):
            async with client.request(method, path) as answer:
                error = (await answer.json())["error"]
                assert (answer.status, error["code"]) == (503, "worker_lost")
                assert answer.headers["Retry-After"] == "5"


async def test_bodies_are_passed_on_as_they_come(tmp_path: Path) -> None:
    """Of a known length and of none."""

    async def chunks() -> AsyncGenerator[bytes, None]:
        for _ in range(10):
            yield b"y" * 10_000

    async with served(tmp_path, 200) as (client, workers):
        async with client.post("/x", data=b"x" * 200_000) as answer:
            assert await answer.text() == "1 /x 200000"
        async with client.post("/x", data=chunks()) as answer:
            assert await answer.text() == "1 /x 100000"
        async with client.head("/x") as answer:
            assert answer.status == 200
        assert workers[0].n_requests == 0


async def test_a_length_is_passed_on_where_it_is_that_of_what_is_sent(
    tmp_path: Path,
) -> None:
    """A worker may refuse by it; of a packed body it is not known."""
    packed = {"Content-Encoding": "gzip"}
    async with served(tmp_path, 200) as (client, _):
        async with client.post("/declared", data=b"x" * 99) as answer:
            assert await answer.text() == "['99']"
        body = gzip.compress(b"x" * 99)
        async with client.post("/declared", data=body, headers=packed) as answer:
            assert await answer.text() == "[]"
        async with client.post("/x", data=body, headers=packed) as answer:
            assert await answer.text() == "1 /x 99"
        async with client.post("/taken", data=body, headers=packed) as answer:
            assert await answer.text() == "1 /taken 99"


async def test_a_request_without_a_body_gets_a_second_try(tmp_path: Path) -> None:
    """The first worker has just died."""
    async with (
        served(tmp_path, 0, 200) as (client, _),
        client.get("/x") as answer,
    ):
        assert await answer.text() == "2 /x 0"


async def test_half_an_answer_does_not_pass_for_a_whole_one(tmp_path: Path) -> None:
    """The connection is cut, as the worker's was."""
    async with served(tmp_path, 200) as (client, _):
        with pytest.raises(aiohttp.ClientError):
            async with client.get("/half") as answer:
                await answer.read()


async def test_a_body_too_large_is_refused_by_its_declared_length(
    tmp_path: Path,
) -> None:
    """Before a byte of it is read."""
    async with served(tmp_path, 200) as (client, _):
        head = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 26000000\r\n\r\n"
        assert b"413" in await raw(client, head)


async def test_an_address_with_a_host_in_it_is_taken_for_its_path(
    tmp_path: Path,
) -> None:
    """As proxies are asked (RFC 9112, 3.2.2); nothing is sent to that host."""
    async with served(tmp_path, 200) as (client, _):
        head = b"GET http://elsewhere.example:1/x?y=%20z HTTP/1.1\r\nHost: a\r\n"
        answer = await raw(client, head + b"Connection: close\r\n\r\n")
        assert answer.endswith(b"1 /x?y=%20z 0")


async def raw(client: aiohttp.ClientSession, head: bytes) -> bytes:
    """Send what no client would; return what comes back within a moment."""
    assert client._base_url is not None
    place = client._base_url.host, client._base_url.port
    reader, writer = await asyncio.open_connection(*place)
    writer.write(head)
    found = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LIMIT_S):
            while chunk := await reader.read(65_536):
                found += chunk
                if b"413" in found:
                    break
    writer.close()
    await writer.wait_closed()
    return found
