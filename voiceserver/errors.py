"""Every exception this package raises on purpose.

Raised where the fault is known, and caught by who can do without what failed (another
provider, the newest partial, a prepared line). What nobody can do without comes to an
edge: the reply ends with a fixed line, the session and HTTP tell the client why, a
child process tells its parent, the command line its exit code. Anything else that is
raised is a bug: counted and logged there, and "internal error" to a client.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class VoiceServerError(Exception):
    """Base class; its text is fit to be shown to the person at the other end."""


def first(error: Exception) -> Exception:
    """Return the first error in a group, however deep; of no group, the error itself.

    What a task group raises is a group even of one, and of one in one where task
    groups are nested: what went wrong is its first leaf.
    """
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def system_said(error: Exception) -> str:
    """What the system says of an error, and none of its own text; empty if nothing.

    Of a connection that failed: "Connection refused" tells more than the name of a
    library's class, and cannot hold an address or a header.
    """
    number = getattr(error, "errno", None)
    if not isinstance(number, int) or number <= 0:  # negative: of name servers
        return ""
    return os.strerror(number)


class ConfigError(VoiceServerError):
    """A setting is unknown, of the wrong type or out of range; names file and key."""


@contextlib.contextmanager
def of_setting(name: str) -> Iterator[None]:
    """Say which setting named the file that is at fault inside.

    Raises:
        ConfigError: What was raised inside, after the setting's name.
    """
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None


class BadAudio(VoiceServerError):
    """Audio that cannot be used: empty, not finite, or of an unreadable format."""


class BadRecording(VoiceServerError):
    """A recorded call that cannot be played again; says which file and why."""


class BadRequest(VoiceServerError):
    """A client sent something malformed or beyond a limit.

    Attributes:
        code: Short machine-readable reason, e.g. ``"invalid_sdp"``.
        param: Dotted path of the field at fault; None if no single one is.
    """

    def __init__(
        self, message: str, code: str = "invalid_value", param: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


class Overloaded(VoiceServerError):
    """A bounded queue or the admission limit is full."""


class SessionEnded(VoiceServerError):
    """The call is over; carries the reason given to the client."""


class CallRefused(VoiceServerError):
    """Another side would not do what it was asked: take a call, or a transfer of one.

    Attributes:
        status: Of SIP, e.g. 486 or 603; 408 if there was no answer.
    """

    def __init__(self, message: str, status: int = 480) -> None:
        super().__init__(message)
        self.status = status


class EngineFailed(VoiceServerError):
    """An engine could not do its work; the message says which and why."""

    def __init__(self, engine: str, message: str) -> None:
        super().__init__(f"{engine}: {message}")
        self.engine = engine


class NotInstalled(EngineFailed):
    """What an engine imports is missing; says how to install it.

    Args:
        engine: Its name.
        error: What the import said.
        extra: Of this package, that brings what is missing; "" if none does.
    """

    def __init__(self, engine: str, error: ImportError, extra: str = "") -> None:
        cure = f"; install it: pip install 'voiceserver[{extra}]'" if extra else ""
        super().__init__(engine, f"cannot be loaded: {error}{cure}")


class StageFailed(VoiceServerError):
    """A stage of a reply came to nothing.

    Attributes:
        stage: Which one, a ``budget.Stage`` value.
    """

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(message)
        self.stage = stage


class BudgetExceeded(StageFailed):
    """A stage produced nothing within its latency budget."""

    def __init__(self, stage: str, limit_ms: float) -> None:
        super().__init__(stage, f"{stage}: no output within {limit_ms:.0f} ms")
        self.limit_ms = limit_ms


class ProviderFailed(EngineFailed):
    """A service asked by URL could not do its work.

    Attributes:
        kind: ``"error"``, ``"late"``; ``"busy"`` (asked to wait);
            ``"misconfigured"`` (key, address or model: asking again is of no use);
            ``"refused"`` (this request: others may be answered);
            ``"doubtful"`` (this request, or everybody: a probe finds out);
            ``"pin"`` (another model answers than the pinned one).
        retry_after_s: How long it asks to be left alone; 0 if it did not say.
    """

    def __init__(
        self, engine: str, message: str, kind: str = "error", retry_after_s: float = 0.0
    ) -> None:
        super().__init__(engine, message)
        self.kind = kind
        self.retry_after_s = retry_after_s
