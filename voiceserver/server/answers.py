"""How the server answers: JSON, and errors in the shape of OpenAI's API.

Every error that leaves the server is made here, so that a client finds
``{"error": {"message", "type", "param", "code"}}`` whatever went wrong, and never a
traceback. Knows aiohttp's responses and our errors; counts what was not foreseen.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware

from voiceserver.errors import (
    BadAudio,
    BadRequest,
    CallRefused,
    EngineFailed,
    Overloaded,
    SessionEnded,
    StageFailed,
    VoiceServerError,
)
from voiceserver.metrics import Metrics

log = logging.getLogger(__name__)

Route = Callable[[web.Request], Awaitable[web.StreamResponse]]
RETRY_AFTER_S = 5
# The commonest cause is a client's base URL without /v1.
NOTHING_THERE = "There is nothing at this address; the API is under /v1 (docs/http.md)."


class Refusal(VoiceServerError):
    """A request that is answered with an error of a status of its own.

    Attributes:
        status: HTTP status.
        code: Short machine-readable reason.
        param: The field at fault; None if no single one is.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.headers = dict(headers or {})


def invalid(
    message: str, param: str | None = None, code: str = "invalid_value"
) -> Refusal:
    """Refuse a request whose content is wrong (400)."""
    return Refusal(400, message, code, param)


def busy(message: str, code: str) -> Refusal:
    """Refuse a request because the server is full or not ready (503)."""
    return Refusal(503, message, code, headers={"Retry-After": str(RETRY_AFTER_S)})


def json_answer(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with JSON."""
    text = json.dumps(content, separators=(",", ":"))
    return web.Response(
        text=text, status=status, content_type="application/json", headers=headers
    )


def error_answer(refusal: Refusal) -> web.Response:
    """Answer with an error."""
    kind = "server_error" if refusal.status >= 500 else "invalid_request_error"
    error = {
        "message": str(refusal),
        "type": kind,
        "param": refusal.param,
        "code": refusal.code,
    }
    return json_answer({"error": error}, refusal.status, refusal.headers)


def refusal_of(error: Exception) -> Refusal:
    """Turn any error into what the client is told; unforeseen ones tell nothing."""
    match error:
        case Refusal():
            return error
        case web.HTTPException():
            return _http_refusal(error)
        case BadRequest():
            return Refusal(400, str(error), error.code, error.param)
        case web.RequestPayloadError() | HttpProcessingError():
            # Packed in another way than it says, or cut off.
            return Refusal(400, "The request body is malformed.", "invalid_body")
        case BadAudio() | SessionEnded() | CallRefused():
            status, code = _plain(error)
            return Refusal(status, str(error), code)
        case Overloaded():
            return busy(str(error), "overloaded")
        case EngineFailed() | StageFailed():
            return busy(str(error), "engine_failed")
        case TimeoutError():
            return Refusal(408, "The request took too long to arrive.", "timeout")
        case _:
            return Refusal(500, "The server failed at this request.", "internal_error")


def _plain(error: BadAudio | SessionEnded | CallRefused) -> tuple[int, str]:
    """Status and code of an error that says all by itself."""
    match error:
        case BadAudio():
            return 400, "invalid_audio"
        case SessionEnded():
            return 409, "session_ended"
        case CallRefused():
            return 502, "call_refused"


def _http_refusal(error: web.HTTPException) -> Refusal:
    """Put one of aiohttp's own errors into our words."""
    match error:
        case web.HTTPNotFound():
            return Refusal(404, NOTHING_THERE, "not_found")
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            message = f"{error.method} is not allowed here; allowed: {allowed}."
            return Refusal(405, message, "method_not_allowed", None, {"Allow": allowed})
        case web.HTTPRequestEntityTooLarge():
            return Refusal(413, "The request body is too large.", "too_large")
        case _:
            return Refusal(error.status, error.reason, f"http_{error.status}")


def errors_told(metrics: Metrics) -> Middleware:
    """Make the middleware that turns every error into an answer.

    Args:
        metrics: Where unforeseen errors are counted.
    """

    @web.middleware
    async def answered(request: web.Request, handler: Route) -> web.StreamResponse:
        try:
            return await handler(request)
        except ConnectionError:
            raise  # the client is gone: nobody to tell
        except Exception as error:  # the boundary to the client
            refusal = refusal_of(error)
            if refusal.code == "internal_error":
                metrics.faults.labels("http", type(error).__name__).inc()
                log.exception("a request failed", extra={"path": request.path})
            return error_answer(refusal)

    return answered
