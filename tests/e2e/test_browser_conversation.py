"""A person talks to it: real Chromium, real WebRTC, human speech, embedded engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.browser import Browser, open_browser
from tests.e2e.ear import from_wav, heard_so_far, likeness, start_listening
from tests.e2e.running import free_port, running_server
from tests.recordings import recording
from voiceserver.audio import Samples

pytestmark = [pytest.mark.net, pytest.mark.speech]

RATE = 48_000
STATE = "document.body.dataset.state"
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


def microphone(folder: Path, *parts: float | str) -> Path:
    """Write a microphone file: seconds of a quiet room, and recordings."""
    rng = np.random.default_rng(0)
    pieces: list[Samples] = []
    for part in parts:
        if isinstance(part, str):
            speech = recording(part, RATE)
            pieces.append(speech * np.float32(0.5 / np.abs(speech).max()))
        else:
            noise = rng.standard_normal(round(part * RATE)) * 10 ** (-62 / 20)
            pieces.append(noise.astype(np.float32))
    path = folder / "microphone.wav"
    soundfile.write(path, np.concatenate(pieces), RATE, subtype="PCM_16")
    return path


def config(folder: Path) -> str:
    questions = folder / "questions.toml"
    questions.write_text(QUESTIONS.replace("{long}", LONG))
    return f'[responder]\nquestions = "{questions}"\n'


async def text_of(browser: Browser, role: str, limit_s: float = 20) -> str:
    """The first settled line of a speaker in the page's transcript."""
    text: str = await browser.wait_for(
        f"document.querySelector('#transcript [data-role={role}]"
        f":not([data-partial=true])')?.innerText",
        limit_s,
    )
    return text


async def test_a_question_is_heard_understood_and_answered(tmp_path: Path) -> None:
    """A woman asks how old the Brooklyn Bridge is; the right answer is heard."""
    wav = microphone(tmp_path, 2.5, "speech/command/brooklyn.wav", 12.0)
    async with running_server(config(tmp_path)) as server:
        async with open_browser(microphone=wav, loop_microphone=False) as browser:
            await browser.navigate(server.url)
            await browser.click("#talk")
            await browser.wait_for(f"{STATE} === 'listening'")
            await start_listening(browser)
            said = await text_of(browser, "user")
            assert "how old is the brooklyn bridge" in said.lower()
            answer = await text_of(browser, "assistant")
            assert "eighteen eighty three" in answer
            await browser.wait_for(f"{STATE} === 'listening'", 20)
            heard = await heard_so_far(browser)
            assert browser.complaints == []
        known = {
            text: from_wav(
                await server.post(
                    "/v1/audio/speech",
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


async def test_speech_over_the_answer_stops_it(tmp_path: Path) -> None:
    """Three seconds into a long answer somebody speaks: it falls silent."""
    wav = microphone(
        tmp_path,
        2.5,
        "speech/command/whatstheweatherlike.wav",
        4.5,
        "speech/read/sb_spk1_snt1.wav",
        12.0,
    )
    async with (
        running_server(config(tmp_path)) as server,
        open_browser(microphone=wav, loop_microphone=False) as browser,
    ):
        await browser.navigate(server.url)
        await browser.click("#talk")
        await browser.wait_for(f"{STATE} === 'speaking'", 20)
        await start_listening(browser)
        await browser.wait_for("window.heard.loud > 20")
        await browser.wait_for(f"{STATE} === 'hearing'", 15)
        await browser.wait_for("performance.now() - window.heard.lastLoud > 400", 3)
        unheard = await browser.wait_for(
            "document.querySelector('#transcript [data-role=assistant] del, "
            "#transcript [data-role=assistant] .unheard')?.innerText",
            10,
        )
        assert unheard
        assert unheard.split()[-1] in LONG


async def test_the_page_comes_back_after_the_server(tmp_path: Path) -> None:
    """The server is restarted; the page reconnects by itself."""
    port = free_port()
    wav = microphone(tmp_path, 30.0)
    async with open_browser(microphone=wav) as browser:
        async with running_server(config(tmp_path), port) as server:
            await browser.navigate(server.url)
            await browser.click("#talk")
            await browser.wait_for(f"{STATE} === 'listening'", 15)
            server.process.kill()
            await server.process.wait()
            await browser.wait_for(f"{STATE} === 'reconnecting'", 15)
        async with running_server(config(tmp_path), port):
            await browser.wait_for(f"{STATE} === 'listening'", 20)
