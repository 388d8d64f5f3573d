"""The error hierarchy."""

from __future__ import annotations

import inspect

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


def test_a_late_stage_names_itself_and_its_limit() -> None:
    """The text is fit for a client, the fields for the ledger."""
    error = errors.BudgetExceeded("text", 1200)
    assert (error.stage, error.limit_ms) == ("text", 1200)
    assert str(error) == "text: no output within 1200 ms"


def test_an_engine_is_named_in_its_failure() -> None:
    """One look tells which."""
    assert str(errors.EngineFailed("espeak", "gone")) == "espeak: gone"
