"""A server of model files on loopback that can do what networks do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.weights.tiny import CONTENT


@dataclass
class Script:
    """What the server does.

    Attributes:
        content: By the last part of the path.
        status: In place of an answer; 0 for the file.
        redirects: How many before the answer; -1 is for ever.
        cut_at: Bytes after which it closes the connection, once for each number.
        hang_at: Bytes after which it says nothing any more; None for never. -1 is
            before the head.
        drip: One byte at a time, and this many seconds between two.
        ranges: Whether it goes on where it is asked to.
        length: Whether it says how much will come.
        asked: Paths and ranges of the requests so far.
    """

    content: dict[str, bytes] = field(default_factory=lambda: dict(CONTENT))
    status: int = 0
    redirects: int = 0
    cut_at: list[int] = field(default_factory=list)
    hang_at: int | None = None
    drip: float = 0.0
    ranges: bool = True
    length: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    """Follows a script until it is told that it is over."""

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.script = script
        self.over = threading.Event()

    def handle_error(self, *_: object) -> None:
        """The client has left, which some tests are about."""


class Answering(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server

    def do_GET(self) -> None:
        """Do what the script says."""
        script = self.server.script
        wanted = self.headers.get("Range", "")
        script.asked.append((self.path, wanted))
        if script.hang_at == -1:
            self.server.over.wait()
        elif script.redirects:
            script.redirects -= 1
            self.send_response(302)
            self.send_header("Location", f"{self.path}?{len(script.asked)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif script.status:
            self.send_error(script.status)
        else:
            self._give(wanted)

    def _give(self, wanted: str) -> None:
        script = self.server.script
        content = script.content[self.path.partition("?")[0].rpartition("/")[2]]
        start = 0
        if wanted and script.ranges:
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            self.send_response(206)
            n_bytes = len(content)
            self.send_header("Content-Range", f"bytes {start}-{n_bytes - 1}/{n_bytes}")
        else:
            self.send_response(200)
        if script.length:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self._send(content[start:])

    def _send(self, content: bytes) -> None:
        script = self.server.script
        if script.cut_at:
            content = content[: script.cut_at.pop(0)]
        if script.hang_at is not None:
            content = content[: script.hang_at]
        if script.drip:
            for at in range(len(content)):
                if self.server.over.wait(script.drip):
                    return
                self.wfile.write(content[at : at + 1])
        self.wfile.write(content)
        if script.hang_at is not None:
            self.server.over.wait()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextmanager
def served(script: Script) -> Iterator[str]:
    """Serve; gives the address."""
    with Server(script) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
