"""The user's side of a Realtime call."""

from __future__ import annotations

from typing import Any

from tests.dialects.realtime.client import Client, names
from voiceserver.config import Config, TurnConfig
from voiceserver.events import SpeechStarted, SpeechStopped, Transcript, UserTurn

TRANSCRIPTION = "conversation.item.input_audio_transcription"
OFF = {"audio": {"input": {"turn_detection": None}}}


def committed(client: Client, text: str = "hello", error: str = "") -> Any:
    """What was sent about a whole utterance, from 1 s to 2 s, decided at 2.5 s."""
    return client.notify(
        SpeechStarted(1, 16_000),
        SpeechStopped(1, 32_000),
        UserTurn(1, 32_000, 40_000, 0, "silence"),
        Transcript(1, text, final=True, error=error),
    )


def test_start_is_dated_back_by_the_prefix() -> None:
    """1000 ms of voice less 300 ms of prefix padding."""
    [event] = Client().notify(SpeechStarted(1, 16_000))
    assert event["audio_start_ms"] == 700


def test_start_is_never_before_the_call() -> None:
    """100 ms less 300 ms is 0."""
    [event] = Client().notify(SpeechStarted(1, 1600))
    assert event["audio_start_ms"] == 0


def test_prefix_of_the_session_is_counted() -> None:
    """The client's own padding counts, and without it the server's."""
    vad = {"type": "server_vad", "prefix_padding_ms": 100}
    client = Client(session={"audio": {"input": {"turn_detection": vad}}})
    assert client.notify(SpeechStarted(1, 16_000))[0]["audio_start_ms"] == 900
    semantic = {"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}
    client = Client(Config(turn=TurnConfig(prefix_ms=200)), semantic)
    assert client.notify(SpeechStarted(1, 16_000))[0]["audio_start_ms"] == 800


def test_pause_within_a_turn_is_not_told() -> None:
    """speech_stopped comes once, with the commit, and counts the silence."""
    client = Client()
    client.notify(SpeechStarted(1, 16_000))
    assert client.notify(SpeechStopped(1, 20_000), SpeechStopped(1, 32_000)) == []
    sent = client.notify(UserTurn(1, 32_000, 40_000, 0, "silence"))
    assert sent[0]["type"] == "input_audio_buffer.speech_stopped"
    assert sent[0]["audio_end_ms"] == 2500


def test_one_id_from_the_start_of_speech_to_the_transcript() -> None:
    """All events of an utterance name its item."""
    sent = committed(Client())
    ids = {event.get("item_id") or event["item"]["id"] for event in sent}
    assert len(ids) == 1


def test_first_item_follows_an_explicit_null() -> None:
    """Clients tell null from absent."""
    sent = committed(Client())
    assert [e["previous_item_id"] for e in sent if "previous_item_id" in e] == [
        None
    ] * 3


def test_transcript_has_its_usage() -> None:
    """700 ms (prefix included) to 2500 ms is 1.8 s of audio."""
    event = committed(Client())[-1]
    assert event["transcript"] == "hello"
    assert event["usage"] == {"type": "duration", "seconds": 1.8}


def test_empty_transcript_is_completed_without_a_delta() -> None:
    """Nothing was said, and the client learns it."""
    *_, before, last = committed(Client(), text="")
    assert before["type"] == "conversation.item.done"
    assert last["transcript"] == ""


def test_failed_recognition_is_told() -> None:
    """With the reason, and no .completed."""
    event = committed(Client(), text="", error="the recogniser is down")[-1]
    assert event["type"].endswith("input_audio_transcription.failed")
    assert event["error"]["message"] == "the recogniser is down"


def test_the_language_that_was_heard_is_told_before_the_words() -> None:
    """An extension; nothing is told where the recogniser has no idea."""
    client = Client()
    assert not any("language" in name for name in names(committed(client)))
    client = Client()
    started = SpeechStarted(1, 16_000), UserTurn(1, 32_000, 40_000, 0, "silence")
    sent = client.notify(*started, Transcript(1, "hola", final=True, language="es"))
    [at] = [n for n, e in enumerate(sent) if e["type"].endswith(".language")]
    assert sent[at]["language"] == "es"
    assert sent[at]["item_id"] == sent[-1]["item_id"]
    assert at < names(sent).index(f"{TRANSCRIPTION}.completed")


def test_partial_transcripts_are_an_extension() -> None:
    """Hypotheses change, so they are no deltas."""
    client = Client()
    client.notify(SpeechStarted(1, 16_000))
    [event] = client.notify(Transcript(1, "hell", final=False))
    assert event["type"] == "voiceserver.input_transcript.partial"
    assert event["text"] == "hell"


def test_transcription_switched_off_is_silent_and_still_known() -> None:
    """Explicit null sends no transcripts; the item has the words all the same."""
    client = Client(session={"audio": {"input": {"transcription": None}}})
    client.notify(SpeechStarted(1, 16_000), Transcript(1, "he", final=False))
    sent = committed(client)
    assert not [name for name in names(client.events) if "transcript" in name]
    [got] = client.answer("conversation.item.retrieve", item_id=sent[0]["item_id"])
    assert got["item"]["content"][0]["transcript"] == "hello"


def test_without_turn_detection_speech_is_not_announced() -> None:
    """Items still come, since the server still cuts the speech into them."""
    sent = names(committed(Client(session=OFF)))
    assert "input_audio_buffer.speech_started" not in sent
    assert "input_audio_buffer.speech_stopped" not in sent
    assert sent[0] == "input_audio_buffer.committed"


def test_late_transcript_of_the_utterance_before_finds_its_item() -> None:
    """The user may speak again before the recogniser has settled."""
    client = Client()
    client.notify(SpeechStarted(1, 16_000), UserTurn(1, 32_000, 40_000, 0, "silence"))
    first = client.events[-1]["item"]["id"]
    sent = client.notify(SpeechStarted(2, 64_000), Transcript(1, "one", final=True))
    assert sent[-1]["item_id"] == first


def test_events_out_of_order_are_ignored() -> None:
    """A second start, a transcript of nothing, a second commit: nothing is sent."""
    client = Client()
    committed(client)
    turn = UserTurn(1, 32_000, 40_000, 0, "silence")
    assert client.notify(SpeechStarted(1, 16_000), turn) == []
    assert client.notify(Transcript(9, "what", final=True)) == []
    assert client.notify(Transcript(1, "again", final=True)) == []


def test_commit_without_a_start_is_made_whole() -> None:
    """An item is never lost: its start is told late."""
    sent = Client().notify(UserTurn(1, 32_000, 40_000, 0, "silence"))
    assert names(sent)[0] == "input_audio_buffer.speech_started"
    assert names(sent)[-1] == "conversation.item.done"
