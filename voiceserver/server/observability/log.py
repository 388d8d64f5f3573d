"""Sets up logging: lines for people or for machines, with the call they belong to.

What a log line may carry is decided where it is written: a static message and fields.
This module adds the call's id and, as a second fence, strikes out whatever equals one
of the secrets it is given or looks like a bearer token. It never sees transcripts,
because nothing logs them.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import TextIO

from aiohttp.http_exceptions import HttpProcessingError

from voiceserver.config import LogConfig

_call: ContextVar[str] = ContextVar("call", default="")
# Attributes of every record; what else there is came by ``extra``.
_STANDARD = frozenset(
    vars(logging.LogRecord("", 0, "", 0, "", (), None)) | {"message": 0, "asctime": 0}
)
STRUCK = "[struck out]"
LONGEST = 400  # characters of a problem that is kept
SHORTEST_SECRET = 6  # characters; shorter ones would strike ordinary words
_TOKEN = re.compile(r"(?i)\b(bearer\s+|sk-|ek_)[A-Za-z0-9._~+/=-]{6,}")


@contextlib.contextmanager
def call_named(call_id: str) -> Iterator[None]:
    """Log lines written inside, and in tasks begun inside, carry the call's id."""
    token = _call.set(call_id)
    try:
        yield
    finally:
        _call.reset(token)


class _Fields(logging.Formatter):
    """What both formats share: fields, the call, and striking out secrets.

    Args:
        secrets: Texts that must never be written.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        long = sorted((s for s in secrets if len(s) >= SHORTEST_SECRET), key=len)
        self._secrets = long[::-1]

    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        """Return the call's id and the record's extra fields."""
        call = _call.get()
        # Libraries mark every record with attributes of their own (Ray its time).
        extra = {
            name: value
            for name, value in vars(record).items()
            if name not in _STANDARD and not name.startswith("_")
        }
        return ({"call": call} if call else {}) | extra

    def clean(self, line: str) -> str:
        """Strike out secrets."""
        for secret in self._secrets:
            line = line.replace(secret, STRUCK)
        return _TOKEN.sub(STRUCK, line)


class TextLines(_Fields):
    """``12:00:00 info call began call=rtc_1``, for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        parts = [clock, record.levelname.lower(), record.getMessage()]
        parts += [f"{name}={value}" for name, value in self.fields(record).items()]
        line = " ".join(parts).replace("\n", "\\n")
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return self.clean(line)


class JsonLines(_Fields):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        content: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        content |= self.fields(record)
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return self.clean(json.dumps(content, default=str))


class Problems(logging.Handler):
    """Keeps the newest warnings and errors, as the log writes them.

    Entered, it listens to all of this process's logging.
    """

    def __init__(self, most: int = 100) -> None:
        super().__init__(logging.WARNING)
        self._newest: deque[dict[str, object]] = deque(maxlen=most)

    @property
    def told(self) -> list[dict[str, object]]:
        """The newest, oldest first: when, how grave, and the line."""
        return list(self._newest)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self._newest.append(
            {
                "at": round(record.created, 1),
                "level": record.levelname.lower(),
                "line": _short(record),
            }
        )

    def __enter__(self) -> Problems:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)


def _short(record: logging.LogRecord) -> str:
    """A record in one line, by the formatter that strikes secrets out."""
    kinds = (each.formatter for each in logging.getLogger().handlers)
    fields = next((one for one in kinds if isinstance(one, _Fields)), _Fields())
    told = [f"{name}={value}" for name, value in fields.fields(record).items()]
    line = " ".join([record.getMessage(), *told]).replace("\n", "\\n")
    return fields.clean(line)[:LONGEST]


def _is_no_strangers(record: logging.LogRecord) -> bool:
    """Whether it is not about bytes that are no HTTP.

    Anybody can send those; they are answered with 400, and aiohttp writes a traceback
    that quotes them for each.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


def set_up(
    config: LogConfig, secrets: Sequence[str] = (), stream: TextIO | None = None
) -> None:
    """Direct all logging of this process to one stream.

    Args:
        config: Level and format.
        secrets: Texts that must never be written, such as API keys.
        stream: Where to write; None is standard error.
    """
    lines = logging.StreamHandler(stream or sys.stderr)
    kind = JsonLines if config.format == "json" else TextLines
    lines.setFormatter(kind(secrets))
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
    root.addHandler(lines)
    root.setLevel(config.level.upper())
    # These write a line for each packet or connection, which can tell addresses.
    for noisy in ("aioice", "aiortc", "asyncio", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    requests = logging.getLogger("aiohttp.server")
    requests.removeFilter(_is_no_strangers)
    if config.level != "debug":
        requests.addFilter(_is_no_strangers)
