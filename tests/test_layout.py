"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "voiceserver").rglob("*.py"))
LONGEST = 420  # lines; "about 400"
BANNED = ("manager", "handler", "helper", "util", "processor", "data", "info")


def calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node


def test_no_file_is_far_above_400_lines() -> None:
    """A file that long is more than one thing."""
    long = {p.name: n for p in SOURCES if (n := p.read_text().count("\n")) > LONGEST}
    assert not long


def test_every_source_file_has_its_test_file() -> None:
    """``voiceserver/a/b.py`` is tested by ``tests/a/test_b.py``."""
    missing = []
    for source in SOURCES:
        relative = source.relative_to(ROOT / "voiceserver")
        if relative.name.startswith("__") or "Protocol" in source.read_text()[:1500]:
            continue
        mirrored = ROOT / "tests" / relative.parent / f"test_{relative.name}"
        if not mirrored.is_file():
            missing.append(str(relative))
    assert not missing


def test_tasks_are_made_in_task_groups_only() -> None:
    """No ``asyncio.create_task``, ``ensure_future`` or ``loop.create_task``."""
    loose = []
    for path in SOURCES:
        for call in calls(path):
            name = ast.unparse(call.func)
            if name.endswith("ensure_future") or name in (
                "asyncio.create_task",
                "loop.create_task",
                "self._loop.create_task",
            ):
                loose.append(f"{path.name}:{call.lineno} {name}")
    assert not loose


def test_names_say_what_a_thing_is() -> None:
    """No managers, handlers, helpers or utilities."""
    bad = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                words = [
                    part.lower()
                    for chunk in node.name.split("_")
                    for part in _camel(chunk)
                ]
                bad += [f"{path.name}: {node.name}" for w in words if w in BANNED]
    assert not bad


def _camel(name: str) -> list[str]:
    parts: list[str] = []
    for letter in name:
        if letter.isupper() or not parts:
            parts.append(letter)
        else:
            parts[-1] += letter
    return parts


@pytest.mark.parametrize("name", ["speak", "reply"])
def test_engines_of_a_reply_are_called_in_one_place(name: str) -> None:
    """Only ``reply.py`` calls a text model or synthesizer within a conversation."""
    conversation = [
        path
        for path in SOURCES
        if path.is_relative_to(ROOT / "voiceserver" / "session")
        or path.name in ("reply.py", "playout.py")
    ]
    callers = {
        path.name
        for path in conversation
        for call in calls(path)
        if ast.unparse(call.func).endswith((f"speech.{name}", f"text.{name}"))
        or ast.unparse(call.func) == f"model.{name}"
    }
    assert callers == {"reply.py"}


def test_imports_point_downwards() -> None:
    """import-linter's contracts hold."""
    linter = Path(sys.executable).parent / "lint-imports"
    run = subprocess.run(
        [linter], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
