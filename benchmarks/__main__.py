"""Runs benchmarks, one after the other: ``python -m benchmarks [NAME ...]``.

``voiceserver bench`` is the same. Without a name the usual ones run; options after a
single name are that benchmark's.
"""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
USUAL = (
    "vad",
    "http_stack",
    "media",
    "conversation",
    "cycles",
    "websocket",
    "embedded",
    "budget",
    "voice_speed",
)
# Run by name only: they take long, load the machine, or need a GPU or a browser.
BY_NAME = (
    "admission",
    "answerer",
    "call_cost",
    "double_talk",
    "drift",
    "echo",
    "engine_processes",
    "front",
    "gate",
    "gpu",
    "hostile",
    "hearing",
    "hearing_guard",
    "hearing_pace",
    "hearing_short",
    "held_answers",
    "hosts",
    "hosts_calls",
    "interruptions",
    "kiosk",
    "media_browser",
    "media_words",
    "overlap",
    "paced_calls",
    "phone",
    "phone_sockets",
    "phone_words",
    "random_events",
    "ray_engines",
    "replay",
    "rivals",
    "router",
    "scale_simulation",
    "shadow",
    "soak",
    "text_normaliser",
    "turns",
    "vad_together",
    "voice_gate",
    "voice_gpu",
    "voice_judges",
    "voice_likeness",
    "voice_quality",
    "voice_signal",
)
WRONG_USE = 2
# Of what they import; `make run` installs neither.
EXTRAS = ("bench", "dev")


def there() -> list[str]:
    """The benchmarks of this checkout."""
    return [name for name in (*USUAL, *BY_NAME) if _file(name).is_file()]


def main(words: Sequence[str]) -> int:
    """Run them in processes of their own; return 0 if all went well.

    Args:
        words: Names, with options after a single one; ``--list`` tells the names.
    """
    known = there()
    if "--list" in words[:1]:
        for name in known:
            print(f"{name:17} {_what(name)}")
        return 0
    n_names = next((n for n, word in enumerate(words) if word[:1] == "-"), len(words))
    names, options = words[:n_names], words[n_names:]
    unknown = [name for name in names if name not in known]
    if unknown or (options and len(names) != 1):
        why = f"no benchmark '{unknown[0]}'" if unknown else "options need one name"
        print(f"{why}; there are: {', '.join(known)}", file=sys.stderr)
        return WRONG_USE
    if absent := missing():
        told = f"{', '.join(absent[:3])}{' and more' if absent[3:] else ''}"
        cure = "install it: make setup-dev"
        print(f"benchmarks need {told}, which is not here; {cure}", file=sys.stderr)
        return WRONG_USE
    failed = 0
    for name in names or [name for name in USUAL if name in known]:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *options]
        failed += subprocess.run(command, check=False).returncode != 0
    return min(failed, 1)


def missing() -> list[str]:
    """What the benchmarks need and is not installed."""
    absent = []
    for line in importlib.metadata.requires("voiceserver") or ():
        package, _, marker = line.partition(";")
        # What some versions of Python do without is told by whoever imports it.
        wanted = any(extra in re.split(r"[^a-z]+", marker) for extra in EXTRAS)
        if not wanted or "python_version" in marker:
            continue
        name = re.match(r"[A-Za-z0-9._-]+", package)
        try:
            importlib.metadata.distribution(name.group() if name else package)
        except importlib.metadata.PackageNotFoundError:
            absent.append(name.group() if name else package)
    return sorted(absent)


def _file(name: str) -> Path:
    return FOLDER / f"{name}.py"


def _what(name: str) -> str:
    """The first line of its docstring."""
    told = ast.get_docstring(ast.parse(_file(name).read_text())) or ""
    return told.split("\n")[0]


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
