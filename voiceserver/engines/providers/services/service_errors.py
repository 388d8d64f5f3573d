"""What a service's error means: whose fault it is, and what of it may be told.

By its HTTP status, and by what its body says where services use one status for both.
Of the body only a code is passed on: messages may quote the prompt, or parts of the
key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Protocol

from voiceserver.engines.providers.services.http import HttpResponse, read_up_to
from voiceserver.errors import ProviderFailed

MAX_ERROR_BYTES = 16 * 1024
# What of an answer must be as the setting says that is named beside it.
_PINNED = {"model": "expect_model", "system_fingerprint": "expect_fingerprint"}
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# What services write of a request that no other need fear, whatever the status:
# OpenAI, Azure, vLLM, llama.cpp, Groq and OpenRouter, in their references of errors.
_ABOUT_REQUEST = re.compile(
    r"(?i)context[ _]?(?:length|size|window)|maximum context|too many tokens"
    r"|(?:request|prompt|input) (?:is )?too (?:large|long)|reduce the length"
    r"|content[ _](?:filter|management|policy)|string_above_max_length"
    r"|unsupported_(?:value|parameter)|does not support tool"
)
# What they write where the model or the address is not there for anybody.
_NOWHERE = re.compile(
    r"(?i)\bmodel\b[^{}]{0,200}\bnot (?:found|exist)|(?:model|deployment)_?not_?found"
    r"|no such model|deployment[^{}]{0,200} not exist|resource not found"
    r"|no endpoints found for|\"detail\": ?\"not found\""
)


class Head(Protocol):
    """What comes before the body of an answer."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers; names in any case."""


def check_pins(source: str, chunk: Mapping[str, object], **pins: str) -> None:
    """Refuse what another model answers than the pinned one.

    Azure's first chunk, about content filters, names no model: that is no other.

    Args:
        source: Name of the service.
        chunk: Of its answer.
        pins: What ``expect_model`` and ``expect_fingerprint`` say; ``""`` takes any.

    Raises:
        ProviderFailed: If it is another.
    """
    for member, setting in _PINNED.items():
        told, pinned = chunk.get(member), pins[setting]
        if pinned and isinstance(told, str) and told and told != pinned:
            raise ProviderFailed(
                source, f"another {member} answers than {setting}", "pin"
            )


def status_failure(source: str, response: Head, error: str) -> ProviderFailed:
    """Say what an HTTP status other than 200 means, and whose fault it is.

    Args:
        source: Name of the service.
        response: Its answer, or the head of it.
        error: Its body, as far as it was read; looked through, and but for a code not
            passed on: it may quote the prompt, or parts of the key.
    """
    status, kind, retry_after_s = response.status, fault_of(response.status, error), 0.0
    if status == 429 or status >= 500:
        retry_after_s = _seconds(response.headers.get("Retry-After", ""))
    if kind == "refused":
        retry_after_s = 0.0  # it is about this request alone
    message = f"{_meaning(status)} (HTTP {status}{error_code(error)})"
    return ProviderFailed(source, message, kind, retry_after_s)


def _meaning(status: int) -> str:
    match status:
        case 401:
            return "refused the key"
        case 402:
            return "wants to be paid"
        case 403:
            return "refused the request or the key"
        case 404:
            return "does not know the address or the model"
        case 408:
            return "did not answer in time"
        case 429:
            return "is over its rate limit"
        case _ if 300 <= status < 400:
            return "sends elsewhere, which is not followed"
        case _ if 400 <= status < 500:
            return "refused the request"
        case _ if status >= 500:
            return "has a fault"
    return "answered in no known way"


def fault_of(status: int, error: str) -> str:
    """Whose fault an error is, as a kind of ``ProviderFailed``.

    By the status, and by what the body says where services use one status for both:
    a context that is too long comes with 400, 413, 429 or 500; a 404 is an address, a
    model, or a function that this model cannot call; a 402 an account, or an answer
    longer than what is left on it.

    Args:
        status: HTTP's; 200 where the error came in the answer.
        error: The body.
    """
    about_request = bool(_ABOUT_REQUEST.search(error))
    match status:
        case 401:
            return "misconfigured"
        case 404:
            nowhere = _NOWHERE.search(error) or not error.lstrip().startswith("{")
            return "misconfigured" if nowhere else "doubtful"
        case 402:
            return "doubtful"
        case 408:
            return "late"
        case 429:
            return "refused" if about_request else "busy"
        case _ if 300 <= status < 400:
            return "misconfigured"
        case _ if 400 <= status < 500 or about_request:
            return "refused"
    return "error"


def _seconds(text: str) -> float:
    """Read ``Retry-After``; a date or nonsense counts as not given."""
    text = text.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0


def error_code(error: str) -> str:
    """Return the code in an error's body, e.g. ``", model_not_found"``, or nothing.

    Only a code is passed on: messages may quote the prompt or parts of the key.
    """
    try:
        document = json.loads(error)
    except (ValueError, RecursionError):
        return ""
    fields = document.get("error") if isinstance(document, dict) else None
    if isinstance(fields, dict):
        for key in ("code", "type"):
            code = fields.get(key)
            if isinstance(code, str) and _CODE.fullmatch(code):
                return f", {code}"
    return ""


async def error_in(response: HttpResponse) -> str:
    """Return the body of an answer that is an error; ``""`` if it breaks off."""
    try:
        body = await read_up_to(response, MAX_ERROR_BYTES)
    except ProviderFailed:
        return ""
    return body.decode(errors="replace")
