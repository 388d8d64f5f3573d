"""session.update: partial updates, defaults, what the conversation is told."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from tests.dialects.realtime.client import Client, names
from voiceserver.commands import CallSettings, Configure, Hearing
from voiceserver.config import Config, RecordConfig, TextConfig, TurnConfig
from voiceserver.dialects.realtime.session import ROWS, SessionRules
from voiceserver.voices import Voices


def update(client: Client, **session: Any) -> dict[str, Any]:
    """Send a session.update that must be accepted; return what it changed."""
    before = len(client.events)
    commands = client.send("session.update", session=session)
    assert names(client.events[before:]) == ["session.updated"]
    if not commands:
        return {}
    [command] = commands
    assert isinstance(command, Configure)
    before_it, client.settings = client.settings, command.settings
    return {
        each.name: getattr(command.settings, each.name)
        for each in fields(CallSettings)
        if getattr(command.settings, each.name) != getattr(before_it, each.name)
    }


def test_update_changes_only_what_it_names() -> None:
    """Everything else stays."""
    change = update(Client(), type="realtime", instructions="Be brief.")
    assert change == {"instructions": "Be brief."}


def test_update_that_changes_nothing_is_acknowledged() -> None:
    """Clients send their defaults, and tracing, right after connecting."""
    client = Client()
    assert update(client, tracing="auto", type="realtime") == {}
    assert client.session["tracing"] == "auto"


def test_siblings_of_an_update_stay() -> None:
    """Nested objects merge."""
    client = Client()
    update(client, audio={"output": {"speed": 1.2}})
    update(client, audio={"output": {"voice": "verse"}})
    output = client.session["audio"]["output"]
    assert (output["speed"], output["voice"]) == (1.2, "verse")


def test_null_leaves_a_setting_as_it_is() -> None:
    """Some clients send every field they know."""
    client = Client()
    unchanged = client.session
    assert update(client, instructions=None, audio={"output": None}) == {}
    assert client.session == unchanged


def test_instructions_can_be_emptied() -> None:
    """An empty string is a value."""
    assert update(Client(), instructions="") == {"instructions": ""}


def test_client_id_of_a_voice_is_accepted() -> None:
    """``{"id": name}`` names a voice too."""
    client = Client(voices=("nadia",))
    change = update(client, audio={"output": {"voice": {"id": "nadia"}}})
    assert change == {"voice": "nadia"}
    assert client.session["audio"]["output"]["voice"] == "nadia"


def test_voice_of_openai_is_spoken_by_the_default() -> None:
    """Where the synthesizer has none of that name; the client sees what it asked."""
    client = Client(voices=("alloy", "nadia"))
    update(client, audio={"output": {"voice": "nadia"}})
    change = update(client, audio={"output": {"voice": "marin"}})
    assert change == {"voice": "alloy"}
    assert client.session["audio"]["output"]["voice"] == "marin"


def test_unknown_voice_names_the_valid_ones() -> None:
    """And changes nothing."""
    client = Client(voices=("nadia",))
    error = client.refusal(
        "session.update", session={"audio": {"output": {"voice": "nobody"}}}
    )
    assert "nadia" in error["message"]
    assert error["param"] == "session.audio.output.voice"
    assert client.session["audio"]["output"]["voice"] == "alloy"


def test_update_takes_effect_as_a_whole_or_not() -> None:
    """One wrong member refuses all of them."""
    client = Client()
    session = {"instructions": "New.", "max_output_tokens": 0}
    error = client.refusal("session.update", session=session)
    assert error["param"] == "session.max_output_tokens"
    assert update(client, tracing="auto") == {}
    assert client.session["instructions"] != "New."


@pytest.mark.parametrize(
    ("asked", "told"), [(100, 100), (4096, None), ("inf", None), (512, None)]
)
def test_server_bounds_the_length_of_replies(asked: Any, told: int | None) -> None:
    """The lower of the two bounds holds; "inf" is the server's 512."""
    config = Config(text=TextConfig(max_output_tokens=512))
    change = update(Client(config), max_output_tokens=asked)
    assert change.get("max_output_tokens") == told


def test_unbounded_server_leaves_the_bound_to_the_client() -> None:
    """0 is unbounded."""
    config = Config(text=TextConfig(max_output_tokens=0))
    client = Client(config)
    assert update(client, max_output_tokens=9) == {"max_output_tokens": 9}
    assert update(client, max_output_tokens="inf") == {"max_output_tokens": 0}


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ([], "session"),
        ({"voice": "alloy"}, "session.voice"),
        ({"audio": {"inptu": {}}}, "session.audio.inptu"),
        ({"audio": "loud"}, "session.audio"),
        ({"type": "transcription"}, "session.type"),
        ({"instructions": 5}, "session.instructions"),
        ({"instructions": "x" * 40_000}, "session.instructions"),
        ({"instructions": "\ud800"}, "session.instructions"),
        ({"output_modalities": ["text", "audio"]}, "session.output_modalities"),
        ({"max_output_tokens": True}, "session.max_output_tokens"),
        ({"max_output_tokens": 1.5}, "session.max_output_tokens"),
        ({"tools": [{"type": "function"}]}, "session.tools[0].name"),
        ({"tools": [{"type": "mcp"}]}, "session.tools[0].type"),
        ({"tool_choice": "sometimes"}, "session.tool_choice"),
        ({"audio": {"output": {"speed": 9}}}, "session.audio.output.speed"),
        ({"audio": {"output": {"speed": 10**400}}}, "session.audio.output.speed"),
        ({"audio": {"output": {"voice": {}}}}, "session.audio.output.voice"),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}}},
            "session.audio.input.format.rate",
        ),
        ({"tracing": {"metadata": "x" * 5000}}, "session.tracing"),
        (
            {"audio": {"input": {"transcription": {"model": 1}}}},
            "session.audio.input.transcription.model",
        ),
    ],
)
def test_wrong_update_names_the_field(session: Any, param: str) -> None:
    """The error says which; nothing changes."""
    client = Client()
    unchanged = client.session
    assert client.refusal("session.update", session=session)["param"] == param
    assert client.session is unchanged


def test_unknown_member_is_answered_with_the_known_ones() -> None:
    """A typing mistake is found at once."""
    error = Client().refusal("session.update", session={"instruction": "x"})
    assert error["code"] == "unknown_parameter"
    assert "instructions" in error["message"]
    assert "audio" in error["message"]


def test_formats_are_echoed() -> None:
    """They say nothing about RTP, and clients compare what they sent."""
    client = Client()
    formats = {"input": {"format": {"type": "audio/pcmu"}}}
    assert update(client, audio=formats) == {}
    assert client.session["audio"]["input"]["format"] == {"type": "audio/pcmu"}


def test_ignored_members_are_echoed() -> None:
    """They are accepted so that clients that send them work."""
    client = Client()
    ignored = {
        "prompt": {"id": "p"},
        "reasoning": {"effort": "low"},
        "truncation": "disabled",
        "include": ["item.input_audio_transcription.other"],
        "parallel_tool_calls": False,
        "model": "gpt-realtime",
    }
    noise = {"input": {"noise_reduction": {"type": "near_field"}}}
    assert update(client, **ignored, audio=noise) == {}
    assert client.session | ignored == client.session
    shown = client.session["audio"]["input"]["noise_reduction"]
    assert shown == {"type": "near_field"}


def test_a_far_microphone_has_its_echo_taken_out() -> None:
    """As the client says, else as the server is set."""
    client = Client()
    for asked, far in (("far_field", True), ("near_field", False)):
        noise = {"input": {"noise_reduction": {"type": asked}}}
        assert update(client, audio=noise)["turn"].far_field is far
    kiosk = SessionRules(
        Config(turn=TurnConfig(far_field=True)), Voices(("alloy",), "alloy")
    )
    starting = kiosk.starting()
    assert kiosk.call_settings(starting).turn.far_field
    none = kiosk.update(starting, {"audio": {"input": {"noise_reduction": None}}})
    assert not kiosk.call_settings(none).turn.far_field


def test_language_prompt_and_log_probabilities_reach_the_recogniser() -> None:
    """As OpenAI names them; without them the server's own choice holds."""
    client = Client()
    asked = {"input": {"transcription": {"language": "de", "prompt": "Bier, Wein"}}}
    include = ["item.input_audio_transcription.logprobs"]
    changed = update(client, include=include, audio=asked)
    assert changed == {"hearing": Hearing("de", "Bier, Wein", timed=True)}
    assert update(client, audio={"input": {"transcription": None}}) == {
        "hearing": Hearing(timed=True)
    }


def test_transcription_session_answers_nothing() -> None:
    """Nothing of replies is shown, asked for or configured; its kind stays."""
    client = Client(session={"type": "transcription"})
    shown = client.events[0]["session"]
    assert shown["type"] == "transcription"
    assert set(shown["audio"]) == {"input"}
    assert "instructions" not in shown
    turn = client.settings.turn
    assert not (turn.create_reply or turn.interrupt)
    assert client.refusal("response.create")["code"] == "unsupported"
    patch = {"type": "realtime"}
    assert client.refusal("session.update", session=patch)["param"] == "session.type"


def test_every_setting_of_a_call_has_its_row() -> None:
    """One row decides each field, so that none is forgotten."""
    decided = [row.effect.setting for row in ROWS if row.effect is not None]
    assert sorted(decided) == sorted(each.name for each in fields(CallSettings))


def test_the_session_beats_the_address() -> None:
    """``?model=`` is what holds where the client says nothing else."""
    assert Client(address={"model": "m"}).session["model"] == "m"
    client = Client(session={"model": "n"}, address={"model": "m"})
    assert client.session["model"] == "n"


def test_a_transcription_can_be_asked_for_in_the_address() -> None:
    """``?intent=transcription``, as OpenAI's clients do."""
    client = Client(address={"intent": "transcription"})
    assert client.session["type"] == "transcription"


def test_null_in_the_transcription_leaves_its_member() -> None:
    """One null does not cost the update."""
    client = Client()
    patch = {"input": {"transcription": {"model": "m", "prompt": None}}}
    assert update(client, audio=patch) == {}
    assert client.session["audio"]["input"]["transcription"] == {"model": "m"}


WHOLE: dict[str, Any] = {
    "type": "realtime",
    "model": "m",
    "output_modalities": ["audio"],
    "instructions": "Be brief.",
    "tools": [
        {"type": "function", "name": "look", "description": "x", "parameters": {}}
    ],
    "tool_choice": "auto",
    "max_output_tokens": 100,
    "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
    "tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"a": "b"}},
    "prompt": {"id": "p", "version": "1", "variables": {"a": "b"}},
    "include": ["item.input_audio_transcription.logprobs"],
    "reasoning": {"effort": "low"},
    "parallel_tool_calls": True,
    "id": "sess_1",
    "object": "realtime.session",
    "expires_at": 1,
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "transcription": {"model": "m", "language": "en", "prompt": "p"},
            "noise_reduction": {"type": "near_field"},
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 500,
                "idle_timeout_ms": 6000,
                "create_response": True,
                "interrupt_response": True,
            },
        },
        "output": {
            "format": {"type": "audio/pcmu", "rate": 8000},
            "voice": "alloy",
            "speed": 1.0,
        },
    },
}


def nulled(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """The value with null in place of one member, for each there is at any depth."""
    found: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        for name, member in value.items():
            found.append((f"{path}.{name}", value | {name: None}))
            found += [
                (where, value | {name: each})
                for where, each in nulled(member, f"{path}.{name}")
            ]
    elif isinstance(value, list):
        for member in value:
            found += [(where, [each]) for where, each in nulled(member, f"{path}[]")]
    return found


@pytest.mark.parametrize(("path", "session"), nulled(WHOLE))
def test_one_null_never_costs_the_whole_update(path: str, session: Any) -> None:
    """Wherever it is; but a function has a name."""
    client = Client()
    [event] = client.answer("session.update", session=session)
    assert event["type"] == ("error" if path == ".tools[].name" else "session.updated")


def test_consent_to_a_recording_is_shown_and_no_news_where_it_is_no_choice() -> None:
    """Refused where nothing is recorded, or everything is."""
    client = Client(Config(record=RecordConfig("ask", "kept")))
    assert "record" not in client.session
    assert update(client, record=True) == {"record": True}
    assert client.session["record"] is True
    assert update(client, record=False) == {"record": False}
    for calls, wanted in (("off", True), ("always", False)):
        folder = "kept" if calls != "off" else ""
        client = Client(Config(record=RecordConfig(calls, folder)))  # type: ignore[arg-type]
        client.send("session.update", session={"record": wanted})
        assert client.events[-1]["error"]["param"] == "session.record"


def test_a_route_is_asked_for_and_told_only_to_who_asked() -> None:
    """A tier of text model: our own member."""
    client = Client()
    assert "route" not in client.session
    assert update(client, route="complex") == {"route": "complex"}
    assert client.session["route"] == "complex"
    assert update(client, route=None) == {"route": ""}
    assert "route" not in client.session
    client.send("session.update", session={"route": "dear"})
    assert client.events[-1]["error"]["param"] == "session.route"
