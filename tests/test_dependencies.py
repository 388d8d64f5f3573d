"""What is imported is declared, and what is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# A checkout's own, that `voiceserver bench` runs where it is there.
OURS = {"voiceserver", "benchmarks"}
# Extras that users install; the others are for who works on the project.
EXTRAS = (
    "espeak",
    "whisper",
    "turns",
    "llm",
    "otel",
    "sip",
    "sherpa",
    "apm",
    "cluster",
)


def normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[^\w.-]", each)[0]) for each in requirements}


def imported(source: str) -> set[str]:
    """Top-level names of what a module imports or looks for, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and node.args:
            # Whose files are used is looked for like this.
            name = node.args[0]
            if ast.unparse(node.func).endswith("find_spec"):
                assert isinstance(name, ast.Constant), "a name that nobody can check"
                found.add(str(name.value).partition(".")[0])
    return found


def distributions() -> dict[str, set[str]]:
    """Every foreign module that the package imports, with who may bring it along."""
    names = {
        name
        for path in (ROOT / "voiceserver").rglob("*.py")
        for name in imported(path.read_text("utf-8"))
    }
    brought = packages_distributions()
    return {
        name: {normal(each) for each in brought.get(name, [name])}
        for name in names - OURS - sys.stdlib_module_names
    }


def test_every_import_is_declared() -> None:
    """Else it works for as long as another package happens to need the same."""
    known = declared(PROJECT["dependencies"])
    for extra in EXTRAS:
        known |= declared(PROJECT["optional-dependencies"][extra])
    undeclared = {name for name, by in distributions().items() if not by & known}
    assert not undeclared


def test_every_dependency_is_imported() -> None:
    """Else everybody installs it for nothing."""
    used = set().union(*distributions().values())
    assert not declared(PROJECT["dependencies"]) - used


def test_an_import_inside_a_function_is_found() -> None:
    """Heavy ones are there; relative ones are our own."""
    source = (
        "def f():\n    import one.two\n    from three.four import x\nfrom . import y"
    )
    assert imported(source) == {"one", "three"}


def test_a_package_whose_files_are_used_is_found() -> None:
    """Though it is never imported."""
    assert imported('importlib.util.find_spec("one")') == {"one"}


def test_a_requirement_is_read_down_to_its_name() -> None:
    """Whatever follows it."""
    lines = ["a.B_c>=1,<2", "d[e]>=1", "f; sys_platform != 'win32'", "g"]
    assert declared(lines) == {"a-b-c", "d", "f", "g"}
