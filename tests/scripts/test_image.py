"""What goes into the image: named one by one, so that no secret does by chance."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def patterns() -> list[str]:
    """The patterns of ``.dockerignore``, in order."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_nothing_is_in_it_that_is_not_named() -> None:
    """Patterns without ``**/`` hold at the root alone: none could list all secrets."""
    first, *others = patterns()
    named = [one.removeprefix("!") for one in others if one.startswith("!")]
    assert first == "*"
    assert all((ROOT / name).exists() and "*" not in name for name in named)
    assert {"**/.env*", "**/*.pem", "**/*.key"} <= set(others[len(named) :])


def test_all_that_is_installed_from_is_in_it() -> None:
    """The package, what installs it, and its own models."""
    needed = {"voiceserver", "models", "scripts", "pyproject.toml", "constraints.txt"}
    assert {f"!{name}" for name in needed | {"Makefile", "README.md"}} <= {*patterns()}
