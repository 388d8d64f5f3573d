"""Reads request bodies within a limit of size and of time.

A body is refused by its declared length before a byte is read, and by what really
comes after that. Knows nothing of what the bodies mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from voiceserver.dialects.fields import read_value
from voiceserver.errors import BadRequest
from voiceserver.server.answers import Refusal, invalid

OFFER_LIMIT = 32_000  # bytes of SDP; parsing 1 MB stalls the loop for 0.8 s
JSON_LIMIT = 64_000
AUDIO_LIMIT = 25_000_000  # OpenAI's limit for transcriptions
PART_HEADER_LIMIT = 64  # parts of a form, with their headers
BODY_LIMIT_S = 30.0  # for the whole body to arrive


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form.

    Attributes:
        content: Its bytes; never copied, as they may be many.
        content_type: Without parameters, in lower case.
    """

    content: bytes | bytearray
    content_type: str

    def text(self, name: str) -> str:
        """Decode the part.

        Raises:
            Refusal: If it is not UTF-8.
        """
        try:
            return self.content.decode("utf-8")
        except UnicodeDecodeError:
            raise invalid(f"The part '{name}' is not UTF-8 text.", name) from None


def require_type(request: web.Request, *allowed: str) -> None:
    """Refuse a body of another ``Content-Type`` (415)."""
    if request.content_type not in allowed:
        raise Refusal(
            415,
            f"Content-Type must be {' or '.join(allowed)}.",
            "unsupported_media_type",
        )


async def read_body(request: web.Request, limit: int) -> bytes:
    """Read the whole body.

    Raises:
        Refusal: If it is larger than ``limit`` bytes (413).
        TimeoutError: If it does not arrive in time.
    """
    declared = request.content_length
    if declared is not None and declared > limit:
        raise _too_large(limit)
    body = bytearray()
    async with asyncio.timeout(BODY_LIMIT_S):
        while chunk := await request.content.readany():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
    return bytes(body)


async def read_json(request: web.Request, limit: int = JSON_LIMIT) -> dict[str, object]:
    """Read a body that is a JSON object.

    Raises:
        Refusal: If it is of another type, too large, or no JSON object.
    """
    require_type(request, "application/json")
    return json_object(await read_body(request, limit), "The body")


def json_object(
    content: bytes | bytearray, what: str, param: str | None = None
) -> dict[str, object]:
    """Parse a JSON object.

    Args:
        content: UTF-8.
        what: Subject of the error messages.
        param: The field at fault, for the error.

    Raises:
        Refusal: If it is none.
    """
    try:
        parsed = read_value(content, what)
    except BadRequest as refused:
        code = "invalid_json" if refused.code == "invalid_json" else "too_large"
        raise invalid(f"{refused}.", param, code) from None
    if not isinstance(parsed, dict):
        raise invalid(f"{what} must be a JSON object.", param, "invalid_json")
    return parsed


async def read_form(
    request: web.Request,
    limits: Mapping[str, int],
    take: Callable[[int], None] = lambda n_bytes: None,
) -> dict[str, Part]:
    """Read a multipart form; parts that are not asked for are read and dropped.

    Args:
        request: Its body is consumed.
        limits: Bytes allowed in each part of interest, by name.
        take: Told how many more bytes are held; may raise ``Refusal``.

    Raises:
        Refusal: If it is no form, or a part or the whole is too large.
        TimeoutError: If it does not arrive in time.
    """
    require_type(request, "multipart/form-data")
    total = sum(limits.values()) + JSON_LIMIT
    declared = request.content_length
    if declared is not None and declared > total:
        raise _too_large(total)
    try:
        async with asyncio.timeout(BODY_LIMIT_S):
            return await _read_parts(request, limits, total, take)
    except (ValueError, AssertionError, RuntimeError, LookupError):
        # aiohttp raises all of these for malformed forms.
        raise invalid(
            "The multipart form is malformed.", None, "invalid_form"
        ) from None


async def _read_parts(
    request: web.Request,
    limits: Mapping[str, int],
    total: int,
    take: Callable[[int], None],
) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    n_left = total  # bytes; a form may name a part often, and not say how long it is
    reader = await request.multipart()
    for _ in range(PART_HEADER_LIMIT):
        part = await reader.next()
        if part is None:
            return parts
        if not isinstance(part, BodyPartReader):
            raise invalid("Nested multipart forms are not taken.", None, "invalid_form")
        name = part.name or ""
        limit = limits.get(name, JSON_LIMIT)
        content = bytearray()
        while chunk := await part.read_chunk(65_536):
            n_left -= len(chunk)
            if n_left < 0:
                raise _too_large(total)
            take(len(chunk))
            content += chunk
            if len(content) > limit:
                raise _too_large(limit)
        kind = part.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if name in limits:
            parts[name] = Part(content, kind)
    raise invalid("The form has too many parts.", None, "invalid_form")


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"The body is larger than {limit} bytes.", "too_large")
