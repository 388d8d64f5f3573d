"""Model files by HTTP: from the hub at a pinned commit, or from a mirror.

What was cut off is taken up where it ended, in the same try or the next one. A server
that hangs, or gives a few bytes now and then, is left. Sends no credentials.
"""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from voiceserver import __version__
from voiceserver.weights.catalogue import Model, ModelFile
from voiceserver.weights.source import BLOCK, SourceFailed, Told, write

HUB = "https://huggingface.co"
HUB_VARIABLE = "HF_ENDPOINT"  # as huggingface_hub names it: a mirror of the whole hub
_ACCEPTABLE = (http.client.OK, http.client.PARTIAL_CONTENT)


class _CutOff(SourceFailed):
    """A download ended too early; the rest may be asked for."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for.

    Attributes:
        silent_s: For a connection, or for the next bytes.
        slow_s: Window over which ``bytes_per_s`` counts.
        bytes_per_s: Slower than that over a window, and it is left.
        tries: How often a download may end early without anything new.
    """

    silent_s: float = 20.0
    slow_s: float = 30.0
    bytes_per_s: float = 2_000.0
    tries: int = 2


class Remote:
    """Files that a server has.

    Args:
        name: For people.
        address: The URL of a model's file.
        patience: How long it is waited for.
    """

    def __init__(
        self,
        name: str,
        address: Callable[[Model, ModelFile], str],
        patience: Patience | None = None,
    ) -> None:
        self.name = name
        self._address = address
        self._patience = patience or Patience()
        self._opener = urllib.request.build_opener()  # with the proxies there are now

    def bring(self, model: Model, file: ModelFile, stage: Path, told: Told) -> Path:
        """Download a file, or the rest of it."""
        path = stage / f"{file.name}.part"
        url = self._address(model, file)
        idle = 0
        while (before := _size(path)) != file.n_bytes:
            try:
                self._download(url, path, file, told)
            except _CutOff:
                idle = 0 if _size(path) > before else idle + 1
                if idle >= self._patience.tries:
                    raise
                told.line(f"{self.name}: {file.name} was cut off; going on")
        return path

    def _download(self, url: str, path: Path, file: ModelFile, told: Told) -> None:
        have = _size(path)
        if have > file.n_bytes:
            path.unlink()
            have = 0
        headers = {"User-Agent": f"voiceserver/{__version__}"}
        if have:
            headers["Range"] = f"bytes={have}-"
        with self._opened(url, headers) as answer:
            goes_on = answer.status == http.client.PARTIAL_CONTENT
            if goes_on and not _begins_at(answer.headers.get("Content-Range"), have):
                raise SourceFailed(f"{url}: sent another part than was asked for")
            length = answer.length  # None if it is not said
            announced = (length or 0) + (have if goes_on else 0)
            if length is not None and announced != file.n_bytes:
                raise SourceFailed(
                    f"{url}: has {announced} bytes, not {file.n_bytes}; another file"
                )
            blocks = self._blocks(answer, url)
            n_bytes = write(blocks, path, file, told, append=goes_on)
        if n_bytes < file.n_bytes:
            raise _CutOff(f"{url}: ended after {n_bytes} of {file.n_bytes} bytes")

    def _opened(self, url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        try:
            request = urllib.request.Request(url, headers=headers)
            answer: http.client.HTTPResponse = self._opener.open(
                request, timeout=self._patience.silent_s
            )
        except urllib.error.HTTPError as error:
            error.close()
            raise SourceFailed(
                f"{url}: {error.code} {_oneline(error.reason)}"
            ) from None
        except urllib.error.URLError as error:
            raise SourceFailed(f"{url}: {_why(error.reason)}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SourceFailed(f"{url}: {_why(error)}") from None
        if answer.status not in _ACCEPTABLE:
            answer.close()
            raise SourceFailed(f"{url}: {answer.status} {_oneline(answer.reason)}")
        return answer

    def _blocks(self, answer: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
        patience = self._patience
        began, n_bytes = time.monotonic(), 0
        while True:
            try:
                block = answer.read1(BLOCK)  # what is there, not all that was asked
            except (OSError, http.client.HTTPException) as error:
                raise _CutOff(f"{url}: {_why(error)}") from None
            if not block:
                return
            yield block
            n_bytes += len(block)
            took_s = time.monotonic() - began
            if took_s > patience.slow_s:
                if n_bytes < took_s * patience.bytes_per_s:
                    rate = n_bytes / took_s
                    raise SourceFailed(f"{url}: only {rate:.0f} bytes a second")
                began, n_bytes = time.monotonic(), 0


def hub(environment: Mapping[str, str], patience: Patience | None = None) -> Remote:
    """The hub where the makers of the models keep them, or ``HF_ENDPOINT``."""
    base = environment.get(HUB_VARIABLE, "").strip().rstrip("/") or HUB

    def address(model: Model, file: ModelFile) -> str:
        return f"{base}/{model.hub.repository}/resolve/{model.hub.revision}/{file.name}"

    return Remote(_host(base), address, patience)


def mirror(url: str, patience: Patience | None = None) -> Remote:
    """A server that has ``URL/MODEL/FILE``."""
    base = url.rstrip("/")
    return Remote(_host(base), lambda m, f: f"{base}/{m.name}/{f.name}", patience)


def _host(url: str) -> str:
    """A URL's host for people, without a name and password that may be in it."""
    parts = urllib.parse.urlsplit(url)
    return parts.netloc.rpartition("@")[2] or url


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _begins_at(content_range: str | None, start: int) -> bool:
    return (content_range or "").replace("=", " ").startswith(f"bytes {start}-")


def _why(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return _oneline(str(reason)) or type(reason).__name__


def _oneline(text: str) -> str:
    return " ".join(text.split())[:200]
