"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "voiceserver").rglob("*.py"))
LONGEST = 500  # lines; "about 400" is the aim
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


CONVERSATION = [
    path
    for path in SOURCES
    if path.is_relative_to(ROOT / "voiceserver" / "session")
    or path.is_relative_to(ROOT / "voiceserver" / "reply")
]
ENGINE_CALLS = ("reply", "speak", "final")
# ``listener`` opens utterances and pushes to them; their end is the reply's.
_ENGINE = re.compile(r"(engines|_engines|text|speech|model|utterance|recogniser)$")


def engine_calls(source: str) -> list[str]:
    """Calls of an engine's work: a method of its protocol on what may be one."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if node.func.attr in ENGINE_CALLS and _ENGINE.search(owner):
                found.append(f"{owner}.{node.func.attr}")
    return found


def test_engines_of_a_reply_are_called_in_one_place() -> None:
    """Only ``stages.py``, where every call has its limit and its ledger entry."""
    callers = {path.name for path in CONVERSATION if engine_calls(path.read_text())}
    assert callers == {"stages.py"}


def test_only_the_stages_are_given_the_engines_to_call() -> None:
    """``answer.py`` cannot go around them: it does not know what an engine is."""
    source = (ROOT / "voiceserver" / "reply" / "answer.py").read_text()
    assert "Engines" not in source


@pytest.mark.parametrize(
    "planted",
    [
        "stream = self._engines.text.reply(request)",
        "model = engines.text\nmodel.reply(request)",
        "async def f():\n    async for x in self._engines.speech.speak(r): pass",
        "async def f():\n    await utterance.final()",
    ],
)
def test_a_call_around_it_is_found(planted: str) -> None:
    """Planted in any file of the conversation."""
    assert engine_calls(planted)


def test_imports_point_downwards() -> None:
    """import-linter's contracts hold."""
    linter = Path(sys.executable).parent / "lint-imports"
    run = subprocess.run(
        [linter], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
