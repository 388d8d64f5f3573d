"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "voiceserver").rglob("*.py"))
LONGEST = 500  # lines; "about 400" is the aim
KEPT = ("voiceserver", "tests", "scripts", "benchmarks", "examples", "docs")
NOT_OURS = ("node_modules", "__pycache__")
BANNED = ("manager", "handler", "helper", "util", "processor", "data", "info")


def test_no_file_is_far_above_400_lines() -> None:
    """A file that long is more than one thing."""
    long = {p.name: n for p in SOURCES if (n := p.read_text().count("\n")) > LONGEST}
    assert not long


def declares_only(source: str) -> bool:
    """Whether there is nothing in it to test: protocols and names of types alone."""
    return all(map(_declares, ast.parse(source).body))


def _declares(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(ast.Constant(str())):  # a docstring
            return True
        case ast.ClassDef(bases=bases):
            named = {ast.unparse(base).partition("[")[0] for base in bases}
            return "Protocol" in named
        # ``Item = str | Reminder``, ``Check = Callable[..., T]``, ``T = TypeVar("T")``
        case ast.Assign(value=ast.BinOp(op=ast.BitOr()) | ast.Subscript()):
            return True
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
            return True
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
    return False


def test_every_source_file_has_its_test_file() -> None:
    """``voiceserver/a/b.py`` is tested by ``tests/a/test_b.py``."""
    missing = []
    for source in SOURCES:
        relative = source.relative_to(ROOT / "voiceserver")
        if relative.name.startswith("__") or declares_only(source.read_text()):
            continue
        mirrored = ROOT / "tests" / relative.parent / f"test_{relative.name}"
        if not mirrored.is_file():
            missing.append(str(relative))
    assert not missing


@pytest.mark.parametrize(
    "source",
    [
        '"""What a port is."""\nfrom typing import Protocol, TypeVar\n'
        'T = TypeVar("T")\nMake = Callable[[], T]\n'
        'class Port(Protocol[T]):\n    """One."""',
        "Item = str | int",
    ],
)
def test_what_only_declares_needs_no_test(source: str) -> None:
    """Its words are tested by those who keep them."""
    assert declares_only(source)


@pytest.mark.parametrize(
    "source",
    [
        "class A(Protocol): ...\nclass B: ...",
        "class A(Protocol): ...\n@dataclass\nclass B:\n    n: int = 0",
        "class A(Protocol): ...\ndef f() -> None: ...",
        '"""Speaks of a Protocol."""\nLIMIT = 7',
        "TABLE = make()",
        "if True:\n    class A(Protocol): ...",
    ],
)
def test_a_protocol_beside_something_else_is_no_excuse(source: str) -> None:
    """Whatever stands at the head of the file."""
    assert not declares_only(source)


LOOSE = {"create_task", "ensure_future"}
_GROUP = re.compile(r"(^|[._])group$")


def loose_tasks(source: str) -> list[str]:
    """Where tasks are made by anything but a task group, which is so named."""
    loose = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr="create_task", value=owner):
                # Also where it is only referred to: ``start = loop.create_task``.
                if not _GROUP.search(ast.unparse(owner)):
                    loose.append(f"{node.lineno}: {ast.unparse(node)}")
            case ast.Attribute(attr="ensure_future"):
                loose.append(f"{node.lineno}: {ast.unparse(node)}")
            case ast.ImportFrom(names=names):
                taken = {alias.name for alias in names} & LOOSE
                loose += [f"{node.lineno}: {name}" for name in taken]
    return loose


def test_tasks_are_made_in_task_groups_only() -> None:
    """No ``create_task`` but of a group, and no ``ensure_future``."""
    found = {str(p): loose for p in SOURCES if (loose := loose_tasks(p.read_text()))}
    assert not found


@pytest.mark.parametrize(
    "planted",
    [
        "asyncio.create_task(f())",
        "asyncio.get_running_loop().create_task(f())",
        "self._loop.create_task(f())",
        "from asyncio import create_task as begin\nbegin(f())",
        "start = loop.create_task",
        "asyncio.ensure_future(f())",
        "from asyncio import ensure_future\nensure_future(f())",
        "regroup.create_task(f())",
    ],
)
def test_a_loose_task_is_found(planted: str) -> None:
    """However it is spelled."""
    assert loose_tasks(planted)


@pytest.mark.parametrize("owner", ["group", "self._group", "front.group", "call_group"])
def test_a_task_of_a_group_is_none(owner: str) -> None:
    """Its name says that it is one."""
    assert not loose_tasks(f"{owner}.create_task(f())")


def banned_words(name: str) -> list[str]:
    """Those of a class, function, file or folder's name that say nothing."""
    words = [part for chunk in re.split(r"[_\-.]", name) for part in _camel(chunk)]
    return [word for word in map(str.lower, words) if word.removesuffix("s") in BANNED]


def test_names_say_what_a_thing_is() -> None:
    """No managers, handlers, helpers or utilities."""
    bad = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                bad += [f"{path.name}: {node.name}" for _ in banned_words(node.name)]
    assert not bad


def test_files_and_folders_say_what_is_in_them() -> None:
    """By the same words; tests, scripts and benchmarks too."""
    names = set(KEPT)
    for kept in KEPT:
        for _, folders, files in os.walk(ROOT / kept):
            folders[:] = [f for f in folders if f not in NOT_OURS]
            names |= {*folders, *files}
    assert "test_layout.py" in names
    assert not [name for name in names if banned_words(name)]


@pytest.mark.parametrize(
    "name", ["utils.py", "AudioManager", "open_helper", "data", "stream-handlers.js"]
)
def test_a_name_that_says_nothing_is_found(name: str) -> None:
    """Also in the plural, and within a name."""
    assert banned_words(name)


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


DOCUMENTS = [
    *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md")),
    *(ROOT / "docs").rglob("*.md"),
]
_PLACE = re.compile(r"`([a-z_]+(?:/[A-Za-z_0-9.]+)+)/?`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_what_there_is(document: Path) -> None:
    """``room/module`` in backticks is a file or a folder of that name."""
    rooms = {path.name for path in (ROOT / "voiceserver").iterdir() if path.is_dir()}
    rooms |= {"voiceserver", "tests", "scripts", "docs", "examples"}
    named = {
        place
        for place in _PLACE.findall(document.read_text("utf-8"))
        if place.split("/")[0] in rooms
    }
    gone = [
        place
        for place in named
        if not any(
            (base / f"{name}{suffix}").exists()
            for base in (ROOT, ROOT / "voiceserver")
            for name in (place, place.rpartition(".")[0])  # or what is in it
            for suffix in ("", ".py", ".md")
        )
    ]
    assert gone == []


# Of ARCHITECTURE.md, in backticks, and no module: tasks, a field, a word of Python.
_NO_MODULES = {"converse", "listen", "turn", "turn_detection", "yield"}


def test_bare_names_of_the_architecture_are_modules_or_rooms() -> None:
    """Also those that the rooms' table gives without their room."""
    places = (ROOT / "voiceserver").rglob("*")
    there = {path.stem for path in places if path.is_dir() or path.suffix == ".py"}
    named = re.findall(r"`([a-z_0-9]+)`", (ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    assert sorted({*named} - there - _NO_MODULES) == []
