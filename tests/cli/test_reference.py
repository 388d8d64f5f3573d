"""The document and the example of all settings."""

from __future__ import annotations

from pathlib import Path

from voiceserver.cli.reference import DOCUMENT, EXAMPLE, document
from voiceserver.config.reference import example
from voiceserver.engines.table import ROWS

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_document_and_the_example_are_up_to_date() -> None:
    """Else: python -m voiceserver.cli.reference."""
    assert (ROOT / DOCUMENT).read_text("utf-8") == document()
    assert (ROOT / EXAMPLE).read_text("utf-8") == example()


def test_every_engine_is_in_the_document() -> None:
    """With what it is."""
    told = document()
    for row in ROWS:
        assert f"| `{row.slot}` | `{row.name}` | {row.meaning} |" in told
