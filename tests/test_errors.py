"""The error hierarchy."""

from __future__ import annotations

import errno
import inspect
import socket

import pytest

from voiceserver import errors


def test_every_error_is_one_of_ours() -> None:
    """So that the edges can tell them from bugs."""
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    assert all(issubclass(kind, errors.VoiceServerError) for kind in kinds)


def test_the_first_error_of_a_group_is_found() -> None:
    """However deep; an error of no group is itself."""
    fault, other = errors.EngineFailed("espeak", "gone"), ValueError()
    inner = ExceptionGroup("inner", [fault, other])
    assert errors.first(ExceptionGroup("outer", [inner, other])) is fault
    assert errors.first(inner) is fault
    assert errors.first(fault) is fault


def test_a_setting_says_that_it_named_a_file() -> None:
    """Which a path alone does not."""
    with (
        pytest.raises(errors.ConfigError, match=r"^text.domain: x.toml: not there$"),
        errors.of_setting("text.domain"),
    ):
        raise errors.ConfigError("x.toml: not there")


def test_the_system_says_why() -> None:
    """And nothing where it was not asked: no text of a library's is taken."""
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connect to secret failed")
    assert errors.system_said(refused) == "Connection refused"
    assert errors.system_said(socket.gaierror(socket.EAI_NONAME, "secret")) == ""
    assert errors.system_said(OSError("secret")) == ""
    assert errors.system_said(ValueError("secret")) == ""


def test_a_late_stage_names_itself_and_its_limit() -> None:
    """The text is fit for a client, the fields for the ledger."""
    error = errors.BudgetExceeded("text", 1200)
    assert (error.stage, error.limit_ms) == ("text", 1200)
    assert str(error) == "text: no output within 1200 ms"


def test_an_engine_is_named_in_its_failure() -> None:
    """One look tells which."""
    assert str(errors.EngineFailed("espeak", "gone")) == "espeak: gone"
