"""Serves the browser page from ``voiceserver/page``, and nothing else from disk.

The files are read once, at start: a path of a request never reaches the file system.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from aiohttp import web

from voiceserver.server.answers import Route

TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
# Nothing from elsewhere, nothing inline, in nobody's frame.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page.

    Attributes:
        content: Its bytes.
        media_type: For ``Content-Type``.
        packed: The same by gzip (RFC 1952), for browsers that take it: all do.
    """

    content: bytes
    media_type: str
    packed: bytes

    def answer(self, accepted: str = "") -> web.Response:
        """Answer with the file.

        Args:
            accepted: ``Accept-Encoding`` of the request.
        """
        codings = {each.partition(";")[0].strip() for each in accepted.split(",")}
        packs = "gzip" in codings
        charset = "utf-8" if self.media_type.startswith("text/") else None
        coding = {"Content-Encoding": "gzip"} if packs else {}
        return web.Response(
            body=self.packed if packs else self.content,
            content_type=self.media_type,
            charset=charset,
            headers={**HEADERS, **coding},
        )


def page_files(folder: Traversable | None = None) -> dict[str, PageFile]:
    """Read the page, by address below ``/``; ``""`` is the page itself.

    Args:
        folder: Where it lies; None is the package's own.
    """
    place = folder or resources.files("voiceserver") / "page"
    files = {}
    if place.is_dir():
        for entry in place.iterdir():
            dot = entry.name.rfind(".")
            kind = TYPES.get(entry.name[dot:]) if dot > 0 else None
            if kind and entry.is_file():
                content = entry.read_bytes()
                packed = gzip.compress(content, mtime=0)
                files[entry.name] = PageFile(content, kind, packed)
    if "index.html" in files:
        files[""] = files["index.html"]
    if "ops.html" in files:
        files["ops"] = files["ops.html"]  # the operator's page
    return files


def add_page(app: web.Application, files: Mapping[str, PageFile]) -> None:
    """Add a route for each file of the page."""
    for name, file in files.items():
        app.router.add_get(f"/{name}", _serving(file))


def _serving(file: PageFile) -> Route:
    async def serve(request: web.Request) -> web.Response:
        return file.answer(request.headers.get("Accept-Encoding", ""))

    return serve
