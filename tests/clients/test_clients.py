"""Third-party clients, unmodified, against a real server process with stub engines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import soundfile
from aiohttp import web

from tests.browser import Browser, open_browser
from tests.clients.setting import RATE, README, Setting
from tests.e2e.running import free_port
from tests.recordings import recording
from voiceserver.audio import Samples

pytestmark = [pytest.mark.net, pytest.mark.speech]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
MODULES = HERE / "node_modules"
BUNDLE = MODULES / "@openai/agents-realtime/dist/bundle/openai-realtime-agents.umd.js"
QUESTION = "speech/command/brooklyn.wav"
KEY = "a-key-that-is-long-enough"
CONFIG = """
[server]
api_key_env = "VOICESERVER_TEST_KEY"
max_calls = 20
[engines]
vad = "stub"
recogniser = "stub"
text = "stub"
speech = "stub"
"""
PROGRAMS = (
    "openai_websocket",
    "livekit_agents",
    "openai_agents",
    "pydantic_ai_realtime",
    "pipecat_service",
    "pipecat_telephony",
    "openai_rest",
    "agents_websocket.mjs",
)
AT_A_TIME = 3  # they mostly wait; more would make each other late
START_LIMIT_S = 60.0
PROGRAM_LIMIT_S = 115.0
MICROPHONE_RATE = 48_000


def installed(path: Path) -> None:
    """Skip a test (fail it in CI) where the clients are not installed."""
    if not path.exists():
        reason = f"no {path.relative_to(ROOT)}: run 'make setup-clients'"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def speech(rate: int) -> Samples:
    samples = recording(QUESTION, rate)
    return samples * np.float32(0.5 / np.abs(samples).max())


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        host: Its ``address:port``.
        folder: For files of the tests.
    """

    host: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a client program is told."""
        return os.environ | {
            "SERVER_HOST": self.host,
            "SERVER_KEY": KEY,
            "QUESTION_WAV": str(self.folder / "question.wav"),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",  # they are not ours
            "OPENAI_AGENTS_DISABLE_TRACING": "1",
        }

    def run(self, program: str) -> None:
        """Run a client program to its end, which must be a good one."""
        installed(MODULES if program.endswith(".mjs") else PYTHON)
        environment = self.environment
        if program.endswith(".mjs"):
            name = "@openai/agents-realtime, WebSocket"
            environment["README_LINES"] = Setting(self.host, KEY, b"").lines(name)
            command = [str(PYTHON.with_name("node")), str(HERE / program)]
        else:
            command = [str(PYTHON), "-m", f"tests.clients.{program}"]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PROGRAM_LIMIT_S,
            check=False,
        )
        told = f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
        assert done.returncode == 0, told
        assert "all of it worked" in done.stdout, told


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """``voiceserver serve`` with stub engines, and a recorded question."""
    host = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "voiceserver.toml").write_text(CONFIG)
        soundfile.write(folder / "question.wav", speech(RATE), RATE, subtype="PCM_16")
        with (folder / "log").open("w+b") as log:
            config = str(folder / "voiceserver.toml")
            port = host.rpartition(":")[2]
            serve = ["serve", "--config", config, "--port", port]
            process = subprocess.Popen(
                [sys.executable, "-m", "voiceserver", *serve],
                cwd=ROOT,
                env=os.environ | {"VOICESERVER_TEST_KEY": KEY},
                stdout=log,
                stderr=log,
            )
            try:
                wait_for(f"http://{host}/readyz", process)
                yield Server(host, folder)
            finally:
                process.terminate()
                process.wait(15)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    late_s = time.monotonic() + START_LIMIT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, "the server has exited"
            assert time.monotonic() < late_s, "the server is not ready"
        time.sleep(0.1)


def test_models_are_those_that_were_read() -> None:
    """A newer openai-python may have changed the protocol: look at the difference.

    Then write it anew: ``python -m tests.clients.strict``, of ``.venv-clients``.
    """
    installed(PYTHON)
    now = subprocess.run(
        [PYTHON, "-m", "tests.clients.strict"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    before = json.loads((HERE / "schema.json").read_text())
    after = json.loads(now.stdout)
    changes = [
        f"{name}: {set(was.items()) ^ set(after[side].get(name, {}).items())}"
        for side in before
        for name, was in before[side].items()
        if was != after[side].get(name)
    ]
    new = [name for side in after for name in set(after[side]) - set(before[side])]
    assert not changes
    assert not new


def test_every_row_of_the_readme_is_run() -> None:
    """Each client of "use your client" has its lines run by a program here."""
    section = README.read_text().split("## Use your client")[1].split("\n## ")[0]
    rows = re.findall(r"^\| \*\*(.+?)\*\*", section, re.MULTILINE)
    sources = [path.read_text() for path in HERE.glob("*.py")]
    unread = [row for row in rows if not any(f'"{row}"' in text for text in sources)]
    assert len(rows) >= 9
    assert unread == []


def test_the_snapshot_is_of_the_pinned_version() -> None:
    """The list of events and fields was read from the openai-python that is pinned."""
    pins = (HERE / "requirements.txt").read_text()
    [pinned] = re.findall(r"^openai\S*==(3\S+)", pins, re.MULTILINE)
    [shown] = re.findall(
        r"\*\*openai-python, WebSocket\*\* \((\S+)\)", README.read_text()
    )
    assert pinned.startswith(f"{shown}.")


def microphone(folder: Path) -> Path:
    """A quiet room in which the question is asked, and again over the answer."""
    rng = np.random.default_rng(0)

    def quiet(seconds: float) -> Samples:
        noise = rng.standard_normal(round(seconds * MICROPHONE_RATE)) * 1e-3
        return noise.astype(np.float32)

    question = speech(MICROPHONE_RATE)
    parts = [quiet(2), question, quiet(4), question, quiet(60)]
    path = folder / "microphone.wav"
    soundfile.write(path, np.concatenate(parts), MICROPHONE_RATE, subtype="PCM_16")
    return path


@contextlib.asynccontextmanager
async def page(folder: Path) -> AsyncIterator[Browser]:
    """A browser that shows the page of the JavaScript client."""
    installed(MODULES)

    async def file(request: web.Request) -> web.FileResponse:
        name = request.match_info["name"]
        return web.FileResponse(BUNDLE if name == BUNDLE.name else HERE / name)

    app = web.Application()
    app.router.add_get("/{name}", file)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with open_browser(
            microphone=microphone(folder), loop_microphone=False
        ) as browser:
            await browser.navigate(f"http://127.0.0.1:{port}/page.html")
            await browser.wait_for("window.converse")
            yield browser
    finally:
        await runner.cleanup()


async def converse(browser: Browser, code: str, audio_in_events: bool) -> None:
    """Hold the conversation in the page."""
    arguments = f"{json.dumps(code)}, {json.dumps(audio_in_events)}"
    await browser.evaluate(
        f"void window.converse({arguments}).then("
        "() => window.outcome = 'done', (error) => window.outcome = String(error))"
    )


async def agents_js_over_websocket(server: Server, folder: Path) -> None:
    """The key travels as a subprotocol; a microphone is heard and an answer comes."""
    name = "@openai/agents-realtime, WebSocket"
    code = Setting(server.host, KEY, b"").lines(name)
    async with page(folder) as browser:
        await converse(browser, code, True)
        outcome = await browser.wait_for("window.outcome", 100)
    assert outcome == "done"


async def agents_js_over_webrtc(server: Server, folder: Path) -> None:
    """With a token of the server; Opus comes that is not silent."""
    async with (
        aiohttp.ClientSession(f"http://{server.host}") as client,
        client.post(
            "/v1/realtime/client_secrets",
            json={"session": {"type": "realtime"}},
            headers={"Authorization": f"Bearer {KEY}"},
        ) as answer,
    ):
        token = (await answer.json())["value"]
    name = "@openai/agents-realtime, WebRTC"
    code = Setting(server.host, token, b"").lines(name)
    async with page(folder) as browser:
        await converse(browser, code, False)
        await browser.wait_for("window.received || window.outcome", 30)
        assert await browser.evaluate("window.callId?.startsWith('rtc_')")
        async with asyncio.timeout(30):
            sound = await browser.evaluate("window.received()")
            while sound["energy"] < 0.01:
                await asyncio.sleep(0.5)
                sound = await browser.evaluate("window.received()")
        assert sound["codec"] == "audio/opus"
        outcome = await browser.wait_for("window.outcome", 100)
    assert outcome == "done"


IN_A_BROWSER = {
    "agents_js_over_webrtc": agents_js_over_webrtc,
    "agents_js_over_websocket": agents_js_over_websocket,
}

Results = dict[str, "Future[None]"]


@contextlib.contextmanager
def running(
    request: pytest.FixtureRequest, run: Callable[[str], None], at_a_time: int
) -> Iterator[Results]:
    """The clients that the chosen tests of a fixture need, running."""
    wanted = [
        str(item.callspec.params["client"])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and request.fixturename in item.fixturenames
    ]
    with ThreadPoolExecutor(at_a_time) as pool:
        yield {client: pool.submit(run, client) for client in wanted}
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def programs(server: Server, request: pytest.FixtureRequest) -> Iterator[Results]:
    with running(request, server.run, AT_A_TIME) as results:
        yield results


@pytest.fixture(scope="module")
def pages(
    server: Server,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Results]:
    def run(client: str) -> None:
        asyncio.run(IN_A_BROWSER[client](server, tmp_path_factory.mktemp(client)))

    with running(request, run, len(IN_A_BROWSER)) as results:
        yield results


@pytest.mark.parametrize("client", PROGRAMS)
def test_client(client: str, programs: Results) -> None:
    """It connects, speaks, calls a tool, interrupts, errs and leaves."""
    programs[client].result()


@pytest.mark.parametrize("client", IN_A_BROWSER)
def test_client_in_a_browser(client: str, pages: Results) -> None:
    """The same, with a microphone that the browser listens to."""
    pages[client].result()
