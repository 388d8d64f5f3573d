"""Drives a headless Chromium over the DevTools protocol, with nothing but aiohttp.

One page, used by one task: a command sends and then reads until its answer, so that no
task of its own is needed. A browser may have one page after the other (``chromium``),
each with storage of its own, or one alone (``open_browser``). Knows nothing of
voiceserver.

Not by Playwright, which was tried: with the system's Chromium every test passes on it,
recorded microphones included. But its driver is a Node process that has to be started
for each test, as each has its event loop: 1.8 s of processor time to open and close a
browser instead of 0.9, and 165 MB to install.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

START_LIMIT_S = 30.0
CLOSE_LIMIT_S = 5.0
POLL_S = 0.05
_FALSY = (None, False, 0, "")  # of what JavaScript calls so
# The same flags on every machine: no sandbox in containers, nothing contacted.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--metrics-recording-only",
    "--mute-audio",
    "--hide-scrollbars",
    "--force-prefers-reduced-motion",  # no processor time for the orb
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns,AudioServiceSandbox",
    "--remote-debugging-port=0",
)


class BrowserError(Exception):
    """The browser or the page failed; the message says how."""


@dataclass(frozen=True, slots=True)
class Look:
    """How the page is shown.

    Attributes:
        width: Of the viewport, in CSS pixels.
        height: Of the viewport, in CSS pixels.
        dark: Prefer a dark colour scheme.
        mobile: A touch device.
        still: Prefer reduced motion.
    """

    width: int = 1280
    height: int = 800
    dark: bool = False
    mobile: bool = False
    still: bool = False


@dataclass(slots=True)
class Browser:
    """A page in a running Chromium; made by ``open_browser``.

    Attributes:
        complaints: Uncaught exceptions, ``console.error`` and ``console.warn`` of the
            page, and what its content security policy forbade.
    """

    _socket: aiohttp.ClientWebSocketResponse
    _session: str = ""
    _count: int = 0
    complaints: list[str] = field(default_factory=list)

    async def command(self, method: str, /, **params: Any) -> dict[str, Any]:
        """Send one command and return its result.

        Raises:
            BrowserError: If the browser refuses it or has gone.
        """
        self._count += 1
        message: dict[str, Any] = {
            "id": self._count,
            "method": method,
            "params": params,
        }
        if self._session:
            message["sessionId"] = self._session
        await self._socket.send_json(message)
        async for reply in self._socket:
            answer = json.loads(reply.data)
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)
        raise BrowserError(f"{method}: the browser has gone")

    async def attach(self) -> None:
        """Make a page of our own, with storage of its own, and hear its complaints.

        It is closed, and what it stored forgotten, when the socket is closed.
        """
        context = await self.command(
            "Target.createBrowserContext", disposeOnDetach=True
        )
        target = await self.command(
            "Target.createTarget",
            url="about:blank",
            browserContextId=context["browserContextId"],
        )
        attached = await self.command(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.command(f"{domain}.enable")

    async def show(self, look: Look) -> None:
        """Change how the page is shown."""
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=look.width,
            height=look.height,
            deviceScaleFactor=2 if look.mobile else 1,
            mobile=look.mobile,
        )
        features = {
            "prefers-color-scheme": "dark" if look.dark else "light",
            "prefers-reduced-motion": "reduce" if look.still else "no-preference",
        }
        await self.command(
            "Emulation.setEmulatedMedia",
            features=[{"name": n, "value": v} for n, v in features.items()],
        )

    async def navigate(self, url: str) -> None:
        """Load a page and wait until its modules have run."""
        result = await self.command("Page.navigate", url=url)
        if "errorText" in result:
            raise BrowserError(f"{url}: {result['errorText']}")
        await self.wait_for("document.readyState === 'complete'")

    async def evaluate(self, expression: str) -> Any:
        """Run JavaScript in the page and return its value; promises are awaited.

        Raises:
            BrowserError: If it throws.
        """
        answer = await self.command(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            raise BrowserError(_exception(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def wait_for(self, expression: str, limit_s: float = 10.0) -> Any:
        """Wait until an expression is truthy and return its value.

        Raises:
            BrowserError: If it is not within ``limit_s``.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + limit_s
        while True:
            value = await self.evaluate(expression)
            if value not in _FALSY:  # an element comes as {}, which is truthy there
                return value
            if loop.time() > until:
                seen = await self.evaluate("document.body.innerText.slice(0, 600)")
                complaints = "; ".join(self.complaints)
                message = f"not within {limit_s} s: {expression}\n{complaints}\n{seen}"
                raise BrowserError(message)
            await asyncio.sleep(POLL_S)

    async def click(self, selector: str) -> None:
        """Click the middle of an element with a real mouse event.

        Raises:
            BrowserError: If there is none, or something covers it.
        """
        quoted = json.dumps(selector)
        spot = await self.evaluate(
            f"(() => {{ const e = document.querySelector({quoted}); if (!e) return 0;"
            " e.scrollIntoView({block: 'nearest'});"
            " const r = e.getBoundingClientRect();"
            " const x = r.x + r.width / 2, y = r.y + r.height / 2;"
            " const top = document.elementFromPoint(x, y);"
            " return e.contains(top) || top?.contains(e) ? [x, y] : 0; })()"
        )
        if not spot:
            raise BrowserError(f"nothing to click at {selector}")
        for kind in ("mousePressed", "mouseReleased"):
            await self.command(
                "Input.dispatchMouseEvent",
                type=kind,
                x=spot[0],
                y=spot[1],
                button="left",
                clickCount=1,
            )

    async def press(self, key: str) -> None:
        """Press and release a key: ``"a"``, ``" "``, ``"Enter"``, ``"Escape"``..."""
        codes = {"Enter": ("\r", 13), "Escape": ("", 27), "Tab": ("", 9)}
        text, code = codes.get(key, (key, ord(key.upper()) if len(key) == 1 else 0))
        common = {"key": key, "windowsVirtualKeyCode": code}
        typed = {"text": text} if text else {}
        await self.command("Input.dispatchKeyEvent", type="keyDown", **common, **typed)
        await self.command("Input.dispatchKeyEvent", type="keyUp", **common)

    async def write(self, text: str) -> None:
        """Type text into the focused element, all at once."""
        await self.command("Input.insertText", text=text)

    async def screenshot(self) -> bytes:
        """Return what is in the viewport as a PNG."""
        picture = await self.command("Page.captureScreenshot", format="png")
        return base64.b64decode(picture["data"])

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.complaints.append(_exception(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning"):
                words = [str(arg.get("value", arg)) for arg in params["args"]]
                self.complaints.append(" ".join(words))
            # A refused request is also logged, as "network"; that is no complaint.
            case "Log.entryAdded" if params["entry"]["source"] != "network":
                self.complaints.append(params["entry"]["text"])


def _exception(details: dict[str, Any]) -> str:
    thrown = details.get("exception", {})
    return str(thrown.get("description") or thrown.get("value") or details["text"])


def program() -> str:
    """Path of the browser; skips the test (fails it in CI) if there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    if os.environ.get("CI") == "true":
        pytest.fail("no Chromium found")
    pytest.skip("no Chromium found")


class Chromium:
    """A running browser, with an empty profile; made by ``chromium``."""

    def __init__(self, url: str) -> None:
        self._url = url

    @asynccontextmanager
    async def page(self, look: Look | None = None) -> AsyncIterator[Browser]:
        """Open a page that shares nothing with those before, and close it."""
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(self._url, max_msg_size=0) as socket,
        ):
            browser = Browser(socket)
            await browser.attach()
            await browser.show(look or Look())
            yield browser


@contextmanager
def chromium(
    *,
    microphone: Path | None = None,
    loop_microphone: bool = True,
    deny_microphone: bool = False,
    flags: tuple[str, ...] = (),
) -> Iterator[Chromium]:
    """Run a Chromium; it needs no event loop, so tests one after the other share it.

    Args:
        microphone: WAV file that is the microphone; None is the built-in beeps.
        loop_microphone: Play the file again and again.
        deny_microphone: Answer the request for the microphone with no.
        flags: More command-line flags.
    """
    folder = Path(tempfile.mkdtemp(prefix="chromium-"))
    command = [program(), *_FLAGS, f"--user-data-dir={folder}", *flags]
    command.append("--use-fake-device-for-media-stream")
    deny = "=deny" if deny_microphone else ""
    command.append(f"--use-fake-ui-for-media-stream{deny}")
    if microphone is not None:
        once = "" if loop_microphone else "%noloop"
        command.append(f"--use-file-for-fake-audio-capture={microphone}{once}")
    process = subprocess.Popen(
        [*command, "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield Chromium(_devtools(folder, process))
    finally:
        _end(process)
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def open_browser(
    look: Look | None = None,
    *,
    microphone: Path | None = None,
    loop_microphone: bool = True,
    flags: tuple[str, ...] = (),
) -> AsyncIterator[Browser]:
    """Run a Chromium with one page; arguments are those of ``chromium``.

    Starting and ending it holds the event loop, and with it whatever serves there.
    """
    with chromium(
        microphone=microphone, loop_microphone=loop_microphone, flags=flags
    ) as running:
        async with running.page(look) as browser:
            yield browser


def _devtools(folder: Path, process: subprocess.Popen[bytes]) -> str:
    """Address of the browser's DevTools socket, once it has written it down."""
    port_file = folder / "DevToolsActivePort"
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise BrowserError(f"Chromium exited with {process.returncode}")
        if port_file.is_file():
            lines = port_file.read_text().split()
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(POLL_S)
    raise BrowserError(f"Chromium did not start within {START_LIMIT_S} s")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop the browser and its children: it leads a process group of its own."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, how)
        try:
            process.wait(CLOSE_LIMIT_S)
        except subprocess.TimeoutExpired:
            continue
