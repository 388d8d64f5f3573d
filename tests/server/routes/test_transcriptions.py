"""A sound file in, its words out."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import aiohttp
import numpy as np
import pytest

from tests.fakes import FakeRecogniser
from tests.files.test_decoding import GOOD, tone, written
from tests.polling import until
from tests.server.routes.test_calls import form
from tests.server.running import fake_engines, running
from voiceserver.engines.base import Opening
from voiceserver.engines.opened import Engines
from voiceserver.errors import EngineFailed, Overloaded

pytestmark = pytest.mark.net
PATH = "/v1/audio/transcriptions"


def with_recogniser(recogniser: FakeRecogniser) -> Engines:
    return dataclasses.replace(fake_engines(), recogniser=recogniser)


async def post(server, content: bytes, *fields: tuple[str, bytes]):  # type: ignore[no-untyped-def]
    """Post a recording; return status, and JSON or text."""
    parts = [(name, value, "text/plain") for name, value in fields]
    writer = form(("file", content, "audio/wav"), *parts)
    async with server.client.post(PATH, data=writer) as answer:
        if answer.content_type == "application/json":
            return answer.status, await answer.json()
        return answer.status, await answer.text()


async def test_a_recording_is_written_down() -> None:
    """As JSON, as text, and at length."""
    async with running() as server:
        status, answer = await post(server, GOOD, ("model", b"whisper-1"))
        assert (status, answer["text"]) == (200, "hello there")
        assert answer["usage"] == {"type": "duration", "seconds": 0.5}
        wanted = ("response_format", b"text")
        assert await post(server, GOOD, wanted) == (200, "hello there\n")
        wanted = ("response_format", b"verbose_json")
        assert (await post(server, GOOD, wanted))[1]["duration"] == 0.5


async def test_a_long_recording_is_written_down_in_pieces() -> None:
    """60 s without a pause: four utterances, each closed."""
    recogniser = FakeRecogniser(["one", "two", "three", "four"])
    async with running(engines=with_recogniser(recogniser)) as server:
        _, answer = await post(server, written(tone(60, 8_000), 8_000))
        assert answer["text"] == "one two three four"
    assert recogniser.open_utterances == 0


async def test_segments_tell_where_a_piece_lies() -> None:
    """Pieces without words are left out; the others follow on each other."""
    recogniser = FakeRecogniser(["one", "", "three", "four"])
    async with running(engines=with_recogniser(recogniser)) as server:
        wanted = ("response_format", b"verbose_json")
        _, answer = await post(server, written(tone(60, 8_000), 8_000), wanted)
    found = answer["segments"]
    assert [segment["text"] for segment in found] == ["one", "three", "four"]
    assert [segment["id"] for segment in found] == [0, 1, 2]
    assert found[0]["start"] == 0
    assert found[0]["end"] < found[1]["start"] < found[1]["end"] == found[2]["start"]
    assert found[2]["end"] == answer["duration"] == 60


async def test_the_recogniser_says_its_language() -> None:
    """And the text is as it writes it."""
    recogniser = FakeRecogniser(["Bonjour !"])
    recogniser.language = "fr"
    async with running(engines=with_recogniser(recogniser)) as server:
        wanted = ("response_format", b"verbose_json")
        _, answer = await post(server, GOOD, wanted)
    assert (answer["language"], answer["text"]) == ("fr", "Bonjour !")


async def test_words_have_their_times_if_asked() -> None:
    """From the beginning of the recording; as subtitles too. Some know no times."""
    recogniser = FakeRecogniser(["one two", "three"])
    recogniser.timed = True
    verbose = ("response_format", b"verbose_json")
    word = ("timestamp_granularities[]", b"word")
    async with running(engines=with_recogniser(recogniser)) as server:
        _, answer = await post(server, written(tone(30, 8_000), 8_000), verbose, word)
        assert [each["word"] for each in answer["words"]] == ["one", "two", "three"]
        assert answer["words"][0] == {"word": "one", "start": 0.0, "end": 0.5}
        assert answer["words"][2]["start"] == answer["segments"][1]["start"] > 10
        status, text = await post(server, GOOD, ("response_format", b"srt"))
        assert (status, text) == (200, "1\n00:00:00,000 --> 00:00:00,500\nthree\n")
        recogniser.timed = False
        status, text = await post(server, GOOD, ("response_format", b"vtt"))
        assert text == "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\nthree\n"


async def test_a_recogniser_is_told_language_and_words() -> None:
    """And that it is a recording; what is no language is refused."""
    recogniser = FakeRecogniser()
    fields = (("language", b"de"), ("prompt", b"Bier"))
    async with running(engines=with_recogniser(recogniser)) as server:
        await post(server, GOOD, *fields)
        assert recogniser.openings == [Opening("de", "Bier", whole=True)]
        for name, value in (
            ("language", b"German!"),
            ("timestamp_granularities[]", b"syllable"),
        ):
            status, answer = await post(server, GOOD, (name, value))
            assert (status, answer["error"]["param"]) == (400, name)


async def test_words_come_in_events_if_asked() -> None:
    """Deltas that join to the text."""
    recogniser = FakeRecogniser(["one", "", "three", "four"])
    async with running(engines=with_recogniser(recogniser)) as server:
        sound = written(tone(60, 8_000), 8_000)
        text = (await post(server, sound, ("stream", b"true")))[1]
    *lines, last = text.split("\n\n")
    assert last == ""
    *deltas, done = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [delta["delta"] for delta in deltas] == ["one", " three", " four"]
    assert done["type"] == "transcript.text.done"
    assert done["text"] == "one three four"
    assert done["usage"] == {"type": "duration", "seconds": 60}
    assert recogniser.open_utterances == 0


async def test_a_recogniser_that_fails_in_mid_stream_cuts_the_connection() -> None:
    """So that half a text does not pass for a whole one; it is counted."""
    recogniser = FakeRecogniser(["one", "two", "three", "four"])
    async with running(engines=with_recogniser(recogniser)) as server:
        writer = form(
            ("file", written(tone(60, 8_000), 8_000), "audio/wav"),
            ("stream", b"true", "text/plain"),
        )
        async with server.client.post(PATH, data=writer) as answer:
            await answer.content.readany()
            recogniser.error = EngineFailed("recogniser", "gone")
            with pytest.raises(aiohttp.ClientError):
                await answer.read()


async def test_silence_has_no_words() -> None:
    """And is no error."""
    silence = written(np.zeros(8_000, np.float32), 8_000)
    async with running() as server:
        status, answer = await post(server, silence)
        assert (status, answer["text"]) == (200, "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"this is a text file renamed to .wav",
        GOOD[:30],
        written(np.full(100, np.nan, np.float32), 16_000, "WAV", "FLOAT"),
        written(np.zeros(1_900 * 8_000, np.float32), 8_000, "FLAC"),
    ],
    ids=["empty", "text", "truncated", "not a number", "too long"],
)
async def test_a_bad_recording_is_refused(content: bytes) -> None:
    """400, and what is wrong."""
    async with running() as server:
        status, answer = await post(server, content)
        assert (status, answer["error"]["code"]) == (400, "invalid_audio")


async def test_a_form_that_asks_wrongly_is_refused() -> None:
    """No file; a format there is none of; no form."""
    async with running() as server:
        status, answer = await post(server, GOOD, ("response_format", b"docx"))
        assert (status, answer["error"]["param"]) == (400, "response_format")
        status, answer = await post(server, GOOD, ("stream", b"maybe"))
        assert (status, answer["error"]["param"]) == (400, "stream")
        status, error = await server.error(
            "POST", PATH, data=form(("model", b"x", "text/plain"))
        )
        assert (status, error["param"]) == (400, "file")
        status, error = await server.error("POST", PATH, data=GOOD)
        assert status == 415


async def test_a_file_too_large_is_refused_by_its_declared_length() -> None:
    """Before it is sent: the client need not push 26 MB."""
    async with running() as server:
        status, error = await server.error(
            "POST",
            PATH,
            data=b"x",
            headers={
                "Content-Type": "multipart/form-data; boundary=b",
                "Content-Length": "26000000",
            },
        )
        assert (status, error["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EngineFailed("recogniser", "gone"), "engine_failed"),
        (Overloaded("all taken"), "overloaded"),
    ],
)
async def test_a_recogniser_that_fails_is_told(error: Exception, code: str) -> None:
    """503, so that the client may try again."""
    recogniser = FakeRecogniser()
    recogniser.error = error
    async with running(engines=with_recogniser(recogniser)) as server:
        status, answer = await post(server, GOOD)
        assert (status, answer["error"]["code"]) == (503, code)
    assert recogniser.open_utterances == 0


async def test_an_empty_stream_is_no_stream() -> None:
    """As a form of a browser sends what was not filled in."""
    async with running() as server:
        status, answer = await post(server, GOOD, ("stream", b""))
        assert (status, answer["text"]) == (200, "hello there")


async def test_a_body_packed_otherwise_than_it_says_is_refused() -> None:
    """400, and nothing that looks like a fault of ours."""
    async with running() as server:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        status, error = await server.error(
            "POST", "/v1/audio/speech", data=b"no gzip", headers=headers
        )
        assert (status, error["code"]) == (400, "invalid_body")


async def test_who_sends_nothing_takes_no_place() -> None:
    """Twenty uploads that have not begun, and one that is answered."""
    async with running() as server:
        port = int(server.url.rsplit(":", 1)[1])
        held = []
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: multipart/form-data; boundary=x\r\n"
                b"Content-Length: 1000000\r\n\r\n"
            )
            held.append(writer)
        await asyncio.sleep(0.05)
        assert (await post(server, GOOD))[0] == 200
        for writer in held:
            writer.close()


async def test_a_recording_of_who_has_left_is_given_up() -> None:
    """Of four pieces the one that is heard is heard to its end, and no other begun."""
    recogniser = FakeRecogniser(["one", "two", "three", "four"])
    recogniser.final_s = 0.3
    content = written(tone(60, 8_000), 8_000)
    async with (
        running(engines=with_recogniser(recogniser)) as server,
        asyncio.TaskGroup() as group,
    ):
        posting = group.create_task(post(server, content))
        await until(lambda: bool(recogniser.openings))
        posting.cancel()
        await until(lambda: not recogniser.open_utterances)
    assert len(recogniser.openings) == 1
