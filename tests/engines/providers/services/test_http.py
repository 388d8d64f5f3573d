"""HTTP to services: every fault is told, in words that hold no secret; events."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.providers.services.http import (
    Http,
    HttpLimits,
    ServerSentEvent,
    SseParser,
    key_headers,
)
from voiceserver.errors import ConfigError, EngineFailed, ProviderFailed

LIMITS = HttpLimits(connect_s=0.3, gap_s=0.3, total_s=2)


@pytest.mark.parametrize("key", ["", " ", "caf\u00e9", "a\nb"])
def test_an_unusable_key_is_never_quoted(key: str) -> None:
    """The variable is."""
    with pytest.raises(ConfigError, match="MY_KEY") as caught:
        key_headers({"MY_KEY": key}, "MY_KEY", "Authorization", "Bearer ", "here")
    assert not key.strip() or key not in str(caught.value)


def test_no_key_sends_none() -> None:
    """Local services need none."""
    assert "Authorization" not in key_headers({}, "", "Authorization", "", "here")


async def failing(url: str) -> ProviderFailed:
    async with Http(LIMITS) as http:
        with pytest.raises(ProviderFailed) as caught:
            await http.send("p", "GET", url, {"Authorization": "Bearer canary"})
    assert "canary" not in str(caught.value)
    return caught.value


@pytest.mark.net
async def test_nobody_listening_is_told() -> None:
    """Port 9 of loopback."""
    assert "cannot be reached" in str(await failing("http://127.0.0.1:9/"))


@pytest.mark.net
async def test_plain_http_behind_https_is_told() -> None:
    """The commonest mistake with a local server."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 no\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        failure = await failing(f"https://127.0.0.1:{port}/")
    assert "secure connection" in str(failure)
    await asyncio.sleep(0)


@pytest.mark.net
async def test_a_name_that_does_not_resolve_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And one whose resolver hangs is given up in time."""
    loop = asyncio.get_running_loop()

    async def unknown(*_args: object, **_more: object) -> list[object]:
        raise OSError("unknown")

    monkeypatch.setattr(loop, "getaddrinfo", unknown)
    assert "host name is unknown" in str(await failing("http://nowhere.test/"))

    async def hanging(*_args: object, **_more: object) -> list[object]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(loop, "getaddrinfo", hanging)
    began_s = loop.time()
    assert (await failing("http://slow.test/")).kind == "late"
    assert loop.time() - began_s < 2


@pytest.mark.net
async def test_a_header_without_end_is_bounded() -> None:
    """A megabyte in one line."""

    async def endless(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000)
        writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await failing(f"http://127.0.0.1:{port}/")


def test_a_certificate_of_nobody_is_no_configuration_of_ours() -> None:
    """Certificates are checked; there is no setting to turn that off."""
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED


def parse(*chunks: bytes) -> list[ServerSentEvent]:
    parser = SseParser("test")
    return [event for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_ends_a_line(end: bytes) -> None:
    """Line feed, carriage return, or both."""
    # A lone carriage return ends its line only once it is known what follows, so
    # the comment pushes the event out.
    sent = b"data: a" + end + b"data: b" + end + end + b":"
    assert parse(sent) == [ServerSentEvent("a\nb")]


def test_fields_are_read_as_the_standard_says() -> None:
    """One space after the colon is dropped; unknown fields and comments are too."""
    sent = b": hello\nid: 7\nretry: 5\nevent: x\ndata:  a\ndata\nnonsense\n\n"
    assert parse(sent) == [ServerSentEvent(" a\n", "x")]


def test_an_event_without_data_is_none() -> None:
    """Its type is forgotten with it."""
    assert parse(b"event: x\n\ndata: a\n\n") == [ServerSentEvent("a")]


def test_a_byte_order_mark_is_passed_over() -> None:
    """At the start of the stream only."""
    assert parse(b"\xef\xbb\xbfdata: a\n\n") == [ServerSentEvent("a")]


def test_an_event_that_breaks_off_is_dropped() -> None:
    """Without the blank line it never was."""
    assert parse(b"data: a\n") == []


@pytest.mark.parametrize("cut", [b"x" * 99, b"data: x\n" * 20])
def test_an_endless_line_or_event_is_refused(cut: bytes) -> None:
    """Memory is bounded, and the error names the sender."""
    parser = SseParser("test", max_event_bytes=64)
    with pytest.raises(EngineFailed, match=r"test: .*too long"):
        parser.feed(cut)


LINES = st.sampled_from(
    [b"data: a", b"data:b", b"data: \xc3\xa9", b"event: x", b": c", b"", b"", b"id: 1"]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS), max_size=20), st.data())
def test_the_cutting_does_not_matter(
    lines: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    """The same bytes give the same events however they are cut."""
    sent = b"".join(line + end for line, end in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=30)))
    bounds = zip([0, *cuts], [*cuts, len(sent)], strict=True)
    assert parse(*(sent[a:b] for a, b in bounds)) == parse(sent)


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_are_survived(chunks: list[bytes]) -> None:
    """Garbage gives events or none, never another exception."""
    assert all(event.data is not None for event in parse(*chunks))
