"""Writes the document and the example of all settings, with the engines that there are.

Run ``python -m voiceserver.cli.reference`` in the project's root after a change of the
settings or of the table of engines; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from voiceserver.config import reference
from voiceserver.engines.table import ROWS, Slot, names

DOCUMENT = Path("docs/configuration.md")
EXAMPLE = Path("voiceserver.example.toml")
# The others may also be several at once, or are a type of their own.
_NAMED_BY_ROWS: tuple[Slot, ...] = ("recogniser", "speech")


def document() -> str:
    """Return the text of ``docs/configuration.md``."""
    choices = {f"engines.{slot}": names(slot) for slot in _NAMED_BY_ROWS}
    parts = ["\n## Engines\n", "| slot | name | what it is | to be installed |"]
    parts.append("|---|---|---|---|")
    for row in ROWS:
        extra = f"`pip install 'voiceserver[{row.extra}]'`" if row.extra else ""
        parts.append(f"| `{row.slot}` | `{row.name}` | {row.meaning} | {extra} |")
    return reference.document(choices) + "\n".join(parts) + "\n"


def main() -> None:
    """Write the document and the example file."""
    DOCUMENT.write_text(document(), "utf-8")
    EXAMPLE.write_text(reference.example(), "utf-8")


if __name__ == "__main__":
    main()
