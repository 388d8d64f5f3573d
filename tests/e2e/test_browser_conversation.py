"""A person talks to it: real Chromium, real WebRTC, human speech, embedded engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.processes import Server
from tests.browser import Browser, open_browser
from tests.e2e.ear import from_wav, heard_so_far, likeness, start_listening
from tests.e2e.running import (
    PATIENT,
    STUBS,
    free_port,
    lasting_server,
    post,
    running_server,
)
from tests.recordings import microphone

pytestmark = [pytest.mark.net, pytest.mark.speech]

STATE = "document.body.dataset.state"
SETTLED = ":not([data-partial=true])"
QUESTIONS = """
[[question]]
ask = ["how old is the brooklyn bridge"]
answer = "The Brooklyn Bridge was opened in eighteen eighty three."

[[question]]
ask = ["what's the weather like"]
answer = "{long}"
"""
LONG = (
    "I have no window to look out of, so I can only guess. But let me tell you a "
    "long story about the weather instead, which begins on a rainy morning in "
    "spring, goes on through a hot and dusty summer, and does not end before the "
    "first snow has fallen on the hills behind the town."
)
# What the answer is told from by ear.
OTHERS = (
    "I have no window to look out of, so I can only guess.",
    "It is seven minutes past three in the afternoon.",
    "Twelve times seven is eighty four.",
    "Sorry, I could not come up with an answer just now.",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the embedded engines, which has the answers."""
    questions = tmp_path_factory.mktemp("answers") / "questions.toml"
    questions.write_text(QUESTIONS.replace("{long}", LONG))
    config = f'{PATIENT}[responder]\nquestions = "{questions}"\n'
    with lasting_server(config) as running:
        yield running


async def said(browser: Browser, role: str, words: str, of: str = SETTLED) -> None:
    """Wait until a speaker has a line with these words in the transcript.

    Whoever was not connected yet when the recording began misses words of it; it is
    played again.
    """
    lines = json.dumps(f"#transcript [data-role={role}]{of}")
    await browser.wait_for(
        f"[...document.querySelectorAll({lines})]"
        f".some(line => line.innerText.toLowerCase().includes({json.dumps(words)}))",
        60,
    )


async def test_a_question_is_heard_understood_and_answered(
    server: Server, tmp_path: Path
) -> None:
    """A woman asks how old the Brooklyn Bridge is; the right answer is heard."""
    wav = microphone(tmp_path, 2.5, "speech/command/brooklyn.wav", 25.0)
    async with open_browser(microphone=wav) as browser:
        await browser.navigate(server.url)
        await browser.click("#talk")
        await browser.wait_for(f"{STATE} === 'listening'")
        await start_listening(browser)
        await said(browser, "user", "how old is the brooklyn bridge")
        await said(browser, "assistant", "eighteen eighty three")
        await browser.wait_for(f"{STATE} === 'listening'", 20)
        heard = await heard_so_far(browser)
        assert browser.complaints == []
    known = {
        text: from_wav(
            await post(
                server.url + "/v1/audio/speech",
                {"model": "tts-1", "input": text, "response_format": "wav"},
            )
        )
        for text in (
            "The Brooklyn Bridge was opened in eighteen eighty three.",
            *OTHERS,
        )
    }
    scores = {text: likeness(heard, audio) for text, audio in known.items()}
    best = max(scores, key=lambda text: scores[text])
    assert "Brooklyn" in best, scores
    assert scores[best] > 0.7, scores


async def test_speech_over_the_answer_stops_it(server: Server, tmp_path: Path) -> None:
    """Three seconds into a long answer somebody speaks: it falls silent."""
    wav = microphone(
        tmp_path,
        2.5,
        "speech/command/whatstheweatherlike.wav",
        4.5,
        "speech/read/sb_spk1_snt1.wav",
        12.0,
    )
    async with open_browser(microphone=wav) as browser:
        await browser.navigate(server.url)
        await browser.click("#talk")
        await said(browser, "assistant", LONG[:20].lower(), of="")
        await browser.wait_for(f"{STATE} === 'speaking'", 20)
        await start_listening(browser)
        await browser.wait_for("window.heard.loud > 20")
        await browser.wait_for(f"{STATE} === 'hearing'", 15)
        await browser.wait_for("performance.now() - window.heard.lastLoud > 400", 3)
        unheard = await browser.wait_for(
            "[...document.querySelectorAll('#transcript [data-role=assistant]')]"
            f".find(line => line.innerText.includes({json.dumps(LONG[:20])}))"
            "?.querySelector('del, .unheard')?.innerText",
            10,
        )
        assert unheard
        assert unheard.split()[-1] in LONG


async def test_the_page_comes_back_after_the_server(tmp_path: Path) -> None:
    """The server is restarted; the page reconnects by itself."""
    port = free_port()
    wav = microphone(tmp_path, 30.0)
    async with open_browser(microphone=wav) as browser:
        async with running_server(STUBS, port) as server:
            await browser.navigate(server.url)
            await browser.click("#talk")
            await browser.wait_for(f"{STATE} === 'listening'", 15)
            server.process.kill()
            await server.process.wait()
            await browser.wait_for(f"{STATE} === 'reconnecting'", 15)
        async with running_server(STUBS, port):
            await browser.wait_for(f"{STATE} === 'listening'", 20)
