"""The server's side of a Realtime call."""

from __future__ import annotations

from tests.dialects.realtime.client import Client, names
from voiceserver.budget import Stage, StageSpend, TurnRecord
from voiceserver.dialects.realtime.response import ResponseCreate
from voiceserver.events import (
    FormFilled,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    TextDelta,
    UserTurn,
)

REPLY = (ReplyStarted(1), TextDelta(1, "Hi "), TextDelta(1, "there."))


def replying() -> Client:
    """A client to which a reply is being generated and plays."""
    client = Client()
    client.notify(*REPLY, Playback(1, Played.STARTED))
    return client


def test_metadata_is_echoed() -> None:
    """Clients tell by it which request a response answers."""
    asked = ResponseCreate(metadata={"client_event_id": "x"})
    [event] = Client().notify(ReplyStarted(1, asked))
    assert event["response"]["metadata"] == {"client_event_id": "x"}


def test_response_without_metadata_says_null() -> None:
    """Not an empty object."""
    [event] = Client().notify(ReplyStarted(1))
    assert event["response"]["metadata"] is None


def test_completed_response_has_its_output_and_usage() -> None:
    """The message as it was said, and tokens that add up."""
    client = replying()
    done = client.notify(ReplyDone(1, "Hi there.", Outcome.COMPLETED))[-1]["response"]
    assert done["status"] == "completed"
    assert done["status_details"] is None
    assert done["output"][0]["status"] == "completed"
    assert done["output"][0]["content"] == [
        {"type": "output_audio", "transcript": "Hi there."}
    ]
    usage = done["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_a_form_is_told_as_it_stands() -> None:
    """What a page shows of an order beside the talk."""
    [event] = replying().notify(FormFilled(1, "bar", "order", {"size": "big"}, "done"))
    assert event["type"] == "voiceserver.form.updated"
    assert event["response_id"]
    slots = {"size": "big"}
    form = {"name": "bar", "intent": "order", "slots": slots, "stage": "done"}
    assert event["form"] == form


def test_audio_of_the_user_is_counted_once() -> None:
    """2.2 s from 300 ms on at 100 ms a token is 22, and 0 for the response after."""
    client = Client()
    client.notify(SpeechStarted(1, 9600), UserTurn(1, 32_000, 40_000, 0, "silence"))
    counts = []
    for turn in (1, 2):
        sent = client.notify(ReplyStarted(turn), ReplyDone(turn, "", Outcome.COMPLETED))
        usage = sent[-1]["response"]["usage"]
        counts.append(usage["input_token_details"]["audio_tokens"])
    assert counts == [22, 0]


def test_interrupted_response_is_cancelled_by_the_turn() -> None:
    """Its item is incomplete and every part is closed."""
    sent = replying().notify(ReplyDone(1, "Hi there.", Outcome.INTERRUPTED))
    response = sent[-1]["response"]
    assert response["status"] == "cancelled"
    assert response["status_details"]["reason"] == "turn_detected"
    assert response["output"][0]["status"] == "incomplete"
    assert "response.content_part.done" in names(sent)


def test_cancelled_response_names_the_client() -> None:
    """The client asked for it."""
    sent = replying().notify(ReplyDone(1, "Hi there.", Outcome.CANCELLED))
    assert sent[-1]["response"]["status_details"]["reason"] == "client_cancelled"


def test_failure_before_any_word_is_created_and_done() -> None:
    """There is no item for nothing."""
    sent = Client().notify(
        ReplyStarted(1), ReplyDone(1, "", Outcome.FAILED, error="no model answered")
    )
    assert names(sent) == ["response.created", "response.done"]
    assert sent[-1]["response"]["output"] == []
    assert sent[-1]["response"]["status"] == "failed"
    details = sent[-1]["response"]["status_details"]
    assert details["error"]["message"] == "no model answered"


def test_words_that_came_without_deltas_are_told() -> None:
    """The deltas always add up to the transcript."""
    sent = Client().notify(*REPLY, ReplyDone(1, "Hi there. Bye.", Outcome.COMPLETED))
    deltas = [event["delta"] for event in sent if "delta" in event]
    assert "".join(deltas) == "Hi there. Bye."


def test_response_keeps_the_settings_it_began_with() -> None:
    """A later session.update does not touch it."""
    client = replying()
    client.send("session.update", session={"audio": {"output": {"voice": "verse"}}})
    done = client.notify(ReplyDone(1, "Hi there.", Outcome.COMPLETED))[-1]
    assert done["response"]["audio"]["output"]["voice"] == "alloy"


def test_cut_after_the_response_is_done_still_truncates() -> None:
    """Generation and playing are two lives."""
    client = replying()
    client.notify(ReplyDone(1, "Hi there.", Outcome.COMPLETED))
    sent = client.notify(Playback(1, Played.CUT, 480, "Hi", exact=False))
    assert names(sent) == [
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
        "voiceserver.item.heard",
    ]
    assert sent[1]["audio_end_ms"] == 480
    assert sent[2]["heard"] == "Hi"
    assert sent[2]["unheard"] == " there."
    assert sent[2]["exact"] is False


def test_retrieved_item_has_only_the_words_heard() -> None:
    """After a cut the transcript is the shortened one."""
    client = replying()
    done = client.notify(ReplyDone(1, "Hi there.", Outcome.INTERRUPTED))[-1]
    client.notify(Playback(1, Played.CUT, 480, "Hi"))
    item_id = done["response"]["output"][0]["id"]
    [got] = client.answer("conversation.item.retrieve", item_id=item_id)
    assert got["item"]["content"][0]["transcript"] == "Hi"
    assert got["item"]["status"] == "incomplete"


def test_end_of_playing_waits_for_the_response_to_be_done() -> None:
    """output_audio_buffer.stopped and .cleared come after response.done."""
    for state in (Played.DONE, Played.CUT):
        client = replying()
        assert client.notify(Playback(1, state, 900, "Hi there.")) == []
        sent = names(client.notify(ReplyDone(1, "Hi there.", Outcome.COMPLETED)))
        assert sent.index("response.done") < sent.index("voiceserver.item.heard")


def test_reply_that_never_sounded_is_not_cleared() -> None:
    """It is truncated to nothing all the same."""
    client = Client()
    client.notify(*REPLY, ReplyDone(1, "Hi there.", Outcome.INTERRUPTED))
    sent = client.notify(Playback(1, Played.CUT))
    assert names(sent) == ["conversation.item.truncated", "voiceserver.item.heard"]
    assert sent[1]["unheard"] == "Hi there."


def test_playing_is_told_only_where_the_server_paces_it() -> None:
    """output_audio_buffer events are WebRTC's alone."""
    client = Client(carrier="websocket")
    client.notify(*REPLY, Playback(1, Played.STARTED))
    client.notify(ReplyDone(1, "Hi there.", Outcome.COMPLETED))
    client.notify(Playback(1, Played.DONE, 900, "Hi there."))
    assert not [n for n in names(client.events) if n.startswith("output_audio_")]


def test_events_of_no_or_a_finished_response_are_ignored() -> None:
    """Late deltas, a second end, an unknown turn: nothing is sent."""
    client = replying()
    client.notify(ReplyDone(1, "Hi there.", Outcome.COMPLETED))
    client.notify(Playback(1, Played.DONE, 900, "Hi there."))
    assert client.notify(TextDelta(1, "more")) == []
    assert client.notify(ReplyDone(1, "Hi there.", Outcome.COMPLETED)) == []
    assert client.notify(Playback(1, Played.CUT), TextDelta(7, "x")) == []
    assert client.notify(ReplyStarted(1)) == []


def test_new_reply_ends_one_that_was_left_open() -> None:
    """There is never more than one active response."""
    client = replying()
    sent = names(client.notify(ReplyStarted(2)))
    assert sent[-2:] == ["response.done", "response.created"]
    assert client.notify(ReplyDone(1, "Hi there.", Outcome.COMPLETED)) == []


def test_cost_of_a_turn_is_told_with_its_response() -> None:
    """Stage by stage, in ms, with who answered and who is to blame."""
    client = replying()
    spend = StageSpend(Stage.TEXT, 12.04, 1200, 250.06, "ok")
    record = TurnRecord(
        1, "complete", 310.0, (spend,), 299.96, 700, "responder", "completed", ""
    )
    before = len(client.events)
    client.dialect.account(record)
    [event] = client.events[before:]
    assert event["type"] == "voiceserver.turn.latency"
    assert event["response_id"].startswith("resp_")
    assert event["endpoint_ms"] == 310.0
    assert event["first_audio_ms"] == 300.0
    assert event["answered_by"] == "responder"
    assert event["stages"] == [
        {
            "stage": "text",
            "started_ms": 12.0,
            "planned_ms": 1200,
            "spent_ms": 250.1,
            "outcome": "ok",
        }
    ]


def test_reply_cancelled_before_it_sounded_was_not_heard() -> None:
    """No playing is told of it; when its turn is over, it is truncated to nothing."""
    client = Client()
    client.notify(*REPLY, ReplyDone(1, "Hi there.", Outcome.INTERRUPTED))
    before = len(client.events)
    client.dialect.account(TurnRecord(1, "", 0.0, (), None, 700, "", "", ""))
    truncated, heard, latency = client.events[before:]
    assert truncated["audio_end_ms"] == 0
    assert heard["unheard"] == "Hi there."
    assert latency["item_id"] == heard["item_id"]


def test_failed_reply_that_played_out_lacks_what_was_not_spoken() -> None:
    """Its audio ended before its words did."""
    client = replying()
    client.notify(ReplyDone(1, "Hi there.", Outcome.FAILED, error="no voice"))
    sent = client.notify(Playback(1, Played.DONE, 300, "Hi"))
    assert names(sent) == ["output_audio_buffer.stopped", "voiceserver.item.heard"]
    assert sent[-1]["unheard"] == " there."


def test_cost_of_a_turn_without_a_response_has_no_ids() -> None:
    """A turn in which nothing was understood has an account too."""
    client = Client()
    record = TurnRecord(4, "silence", 500.0, (), None, 700, "", "", "")
    client.dialect.account(record)
    assert client.events[-1]["response_id"] is None
    assert client.events[-1]["first_audio_ms"] is None
