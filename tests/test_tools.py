"""What a model may call."""

from __future__ import annotations

from voiceserver.tools import NO_TOOLS, ToolUse


def test_forced_function_is_told_from_the_other_choices() -> None:
    """A function may itself be called "required"."""
    assert NO_TOOLS.forced == ""
    assert ToolUse(choice="required").forced == ""
    assert ToolUse(choice="=required").forced == "required"
