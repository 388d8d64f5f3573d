"""The page of the protocol: complete, and all that the browser page uses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from voiceserver.dialects.realtime import wire

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "protocol.md").read_text()
HTTP = (ROOT / "docs" / "http.md").read_text()
SCHEMA = json.loads((ROOT / "tests" / "clients" / "schema.json").read_text())
FAMILIES = (
    "session|conversation|response|input_audio_buffer|output_audio_buffer|voiceserver"
)
NAME = re.compile(rf"(?:{FAMILIES})\.[a-z_.]+[a-z]")
SOURCES = sorted(Path(wire.__file__).parent.glob("*.py"))
BROWSER = sorted((ROOT / "voiceserver" / "page").glob("*.js"))

# Of OpenAI's server events, those that are never sent; the page says so of each.
NEVER = {
    "conversation.created": "an older name",
    "conversation.item.created": "an older name",
    "conversation.item.input_audio_transcription.segment": "diarisation",
    "mcp_list_tools.": "MCP",
    "response.mcp_call": "MCP",
    "rate_limits.updated": "no quota",
}


def documented(heading: str) -> set[str]:
    """The events in the first column of the table under a heading."""
    section = PAGE.split(f"\n{heading}\n")[1].split("\n## ")[0].split("\n### ")[0]
    [table] = re.findall(
        r"^\| event \|.*?(?:\n\n|\Z)", section, re.MULTILINE | re.DOTALL
    )
    names: set[str] = set()
    for row in re.findall(r"^\| (`[a-z].*?) \|", table, re.MULTILINE):
        stem = ""
        for name in re.findall(r"`([a-z_.]+)`", row):
            if name.startswith("."):  # the last part of the name before it
                name = stem.rpartition(".")[0] + name
            stem = name
            names.add(name)
    return names


CLIENT = documented("## Client events")
SERVER = documented("## Server events")
OWN = documented("### Extensions")


def test_every_client_event_of_openai_is_documented() -> None:
    """All of openai-python's; an event that is not there is refused."""
    assert set(SCHEMA["client"]) == CLIENT


def test_every_server_event_of_openai_is_documented_or_said_never_to_come() -> None:
    """A newer openai-python may have more: then it is decided what they mean."""
    expected = {name for name in SCHEMA["server"] if not name.startswith(tuple(NEVER))}
    assert expected == SERVER


@pytest.mark.parametrize("name", sorted(NEVER))
def test_what_never_comes_is_said(name: str) -> None:
    """Nobody has to find out by waiting."""
    differences = PAGE.split("## What differs from OpenAI's server")[1]
    assert f"`{name}" in differences


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_event_in_the_code_is_documented(path: Path) -> None:
    """Names that are put together from parts are so in the table's families."""
    known = CLIENT | SERVER | OWN
    stems = {name.rpartition(".")[0] for name in known}
    quoted = re.findall(r'"([a-z_.]+)"', path.read_text())
    named = {name for name in quoted if NAME.fullmatch(name)}
    fields = {name for name in named if name in ("session.type",)}
    assert named - fields - known - stems == set()


@pytest.mark.parametrize("path", BROWSER, ids=lambda path: path.name)
def test_the_browser_page_uses_only_what_is_documented(path: Path) -> None:
    """Whatever it can do, any other client can do too."""
    text = path.read_text()
    quoted = set(re.findall(r"""["'`]([a-z_.]+)["'`]""", text))
    events = {name for name in quoted if NAME.fullmatch(name)}
    stored = {"voiceserver.key", "voiceserver.settings"}  # of the browser's storage
    families = {name.rpartition(".")[0] for name in SERVER}
    assert events - stored - CLIENT - SERVER - OWN - families == set()
    for address in re.findall(r"""["'`](/[a-z][^"'`$]*)""", text):
        assert address in PAGE + HTTP, address


def test_every_code_of_a_refusal_is_documented() -> None:
    """Those that are written out where something is refused."""
    table = PAGE.split("\n## Errors\n")[1].split("\n## ")[0]
    told = set(re.findall(r"`([a-z_]+)`", table))
    sources = [*SOURCES, *Path(wire.__file__).parents[1].glob("*.py")]
    refusals = re.compile(r"BadRequest\((?:[^()]|\([^()]*\))*?, \"([a-z_]+)\"")
    given = {code for one in sources for code in refusals.findall(one.read_text())}
    assert "event_too_large" in given
    assert given <= told


def test_the_browser_page_sends_only_documented_client_events() -> None:
    """Each is one of OpenAI's."""
    sent = {
        name
        for path in BROWSER
        for name in re.findall(r'send\(\{ type: "([a-z_.]+)"', path.read_text())
    }
    assert sent
    assert sent <= CLIENT
