"""The server's side of a Realtime call: responses, and what was heard of them.

A response has two lives. Its generation goes from ``response.created`` to one
``response.done``; its playing ends later, by itself or cut off, and is told only after
``response.done``. Responses beside the conversation have no second life.
"""

from __future__ import annotations

from typing import assert_never

from voiceserver.budget import TurnRecord
from voiceserver.commands import Command, Truncate, call_key, reply_key
from voiceserver.dialects.realtime.audio import VoiceEncoder
from voiceserver.dialects.realtime.call import REMEMBERED, RealtimeCall
from voiceserver.dialects.realtime.cost import cost_of
from voiceserver.dialects.realtime.items import Item, Part
from voiceserver.dialects.realtime.response import Response, ResponseCreate
from voiceserver.errors import BadRequest
from voiceserver.events import (
    AudioDelta,
    FormFilled,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    TextDelta,
    ToolCalled,
)
from voiceserver.tools import ToolCall

OutputEvent = (
    ReplyStarted
    | TextDelta
    | AudioDelta
    | ToolCalled
    | FormFilled
    | ReplyDone
    | Playback
)


class Responses:
    """Renders replies; which of them is active the session knows, and says.

    Args:
        call: The call.
        conversation_id: Shown in every response object.
    """

    def __init__(self, call: RealtimeCall, conversation_id: str) -> None:
        self._call = call
        self._conversation_id = conversation_id
        self._by_turn: dict[int, Response] = {}
        self._cut_turn = -1  # of what the client truncated last
        self._newest = 0

    def of(self, turn: int) -> Response | None:
        """The response that shows the reply of a turn."""
        return self._by_turn.get(turn)

    @property
    def cut_by_client(self) -> bool:
        """Whether the client truncated the newest response, which stops it too."""
        return self._cut_turn == self._newest

    def running(self, response_id: str, active: int) -> int:
        """Turn of the response of an id, if it is being generated, else 0.

        Args:
            response_id: As the client knows it.
            active: Turn of the one of the conversation that is; 0 if none is.
        """
        for turn, response in self._by_turn.items():
            if response.id == response_id:
                beside = response.aside and response.status == "in_progress"
                return turn if beside or turn == active else 0
        return 0

    def notify(self, event: OutputEvent) -> None:
        """Render an event; one that the order forbids is logged and ignored."""
        if isinstance(event, ReplyStarted):
            self._start(event)
            return
        response = self._by_turn.get(event.turn)
        if response is None:
            self._call.out_of_order(event)
            return
        match event:
            case Playback():
                self._play(response, event)
            case _ if response.status != "in_progress":
                self._call.out_of_order(event)
            case TextDelta():
                self._say(response, event.text)
            case AudioDelta():
                self._sound(response, event)
            case ToolCalled():
                self._call_tool(response, event.call)
            case FormFilled():
                self._call.wire.event(
                    "voiceserver.form.updated",
                    response_id=response.id,
                    form={
                        "name": event.name,
                        "intent": event.intent,
                        "slots": dict(event.slots),
                        "stage": event.stage,
                    },
                )
            case ReplyDone():
                self._finish(response, event)
            case _:
                assert_never(event)

    def close(self) -> None:
        """End the responses that are still active: no event of them will come."""
        for turn, response in self._by_turn.items():
            if response.status == "in_progress":
                self._finish(response, ReplyDone(turn, "", Outcome.CANCELLED))

    def account(self, record: TurnRecord) -> None:
        """Tell what a turn cost; it is over, so nothing more of it will sound."""
        response = self._by_turn.get(record.turn)
        cut = response is not None and response.status == "cancelled"
        if response and cut and response.ended is None and not response.aside:
            self._play(response, Playback(record.turn, Played.CUT))
        item = response.message if response else None
        self._call.wire.event(
            "voiceserver.turn.latency",
            response_id=response.id if response else None,
            item_id=item.id if item else None,
            **cost_of(record),
        )

    def truncate(self, item: Item, asked_ms: int) -> list[Command]:
        """Read where the client stopped playing a reply.

        Raises:
            BadRequest: If the reply has less audio, or is too old.
        """
        call = self._call
        if call.paced and item.cut_ms is not None and asked_ms >= item.cut_ms:
            call.truncated(item, item.cut_ms)  # the server knows what was played
            return []
        for turn, response in self._by_turn.items():
            if response.message is item:
                sent_ms = response.voice.sent_ms if response.voice else 0
                if not call.paced and asked_ms > sent_ms:
                    message = f"audio_end_ms is beyond the {sent_ms} ms of audio"
                    raise BadRequest(message, param="audio_end_ms")
                response.asked_ms = asked_ms
                self._cut_turn = turn
                return [Truncate(turn, asked_ms)]
        message = "the reply is too long ago to be truncated"
        raise BadRequest(message, param="item_id")

    def _start(self, event: ReplyStarted) -> None:
        call = self._call
        asked = event.asked if isinstance(event.asked, ResponseCreate) else None
        aside = event.asked is not None and event.asked.aside
        if event.turn in self._by_turn or (not aside and event.turn <= self._newest):
            call.out_of_order(event)
            return
        before = self._by_turn.get(self._newest)
        if not aside and before is not None and before.status == "in_progress":
            # The one way to keep one terminal for each: its own will be ignored.
            call.out_of_order(event)
            self._finish(before, ReplyDone(self._newest, "", Outcome.CANCELLED))
        response = Response(
            call.ids.new("resp"),
            event.turn,
            (asked and asked.shown) or call.settings,
            asked.metadata if asked else {},
            0 if aside else call.user_audio_ms,
            aside,
        )
        self._by_turn[event.turn] = response
        if not aside:
            call.user_audio_ms = 0
            self._newest = event.turn
        self._forget()
        call.wire.event("response.created", response=self._rendered(response))

    def _forget(self) -> None:
        """Drop the oldest response beyond the bound, unless it is alive."""
        if len(self._by_turn) > REMEMBERED:
            for turn, response in self._by_turn.items():
                if response.status != "in_progress":
                    del self._by_turn[turn]
                    return

    def _say(self, response: Response, text: str) -> None:
        if not text:
            return
        item = response.message or self._open(response)
        item.text = (item.text or "") + text
        kind = "output_audio_transcript" if response.spoken else "output_text"
        self._part_event(response, item, f"response.{kind}.delta", delta=text)

    def _sound(self, response: Response, event: AudioDelta) -> None:
        item = response.message or self._open(response)
        if response.voice is None:
            response.voice = VoiceEncoder(response.settings["audio.output.format"])
        delta = response.voice.encode(event.samples)
        if delta:
            name = "response.output_audio.delta"
            self._part_event(response, item, name, delta=delta)

    def _open(self, response: Response) -> Item:
        """Begin the message; only now, so that a failure without words has none."""
        part = Part.OUTPUT_AUDIO if response.spoken else Part.OUTPUT_TEXT
        item = Item(
            self._call.conversation.new_id(),
            "assistant",
            part,
            status="in_progress",
            key=reply_key(response.turn),
        )
        response.message = item
        self._add(response, item)
        self._part_event(
            response, item, "response.content_part.added", part=_content(response, "")
        )
        return item

    def _add(self, response: Response, item: Item) -> None:
        call = self._call
        response.output.append(item)
        if not response.aside:
            response.previous[item.id] = call.conversation.append(item)
        self._output_item(response, item, "response.output_item.added")
        if not response.aside:
            call.added(item, response.previous[item.id])

    def _end(self, response: Response, item: Item) -> None:
        if not response.aside:
            self._call.done(item, response.previous[item.id])
        self._output_item(response, item, "response.output_item.done")

    def _call_tool(self, response: Response, wanted: ToolCall) -> None:
        item = Item(
            self._call.conversation.new_id(),
            "assistant",
            Part.FUNCTION_CALL,
            "",
            "in_progress",
            key=call_key(wanted.call_id),
            call_id=wanted.call_id,
            name=wanted.name,
        )
        self._add(response, item)
        item.text, item.status = wanted.arguments, "completed"
        about: dict[str, object] = {
            "response_id": response.id,
            "item_id": item.id,
            "output_index": response.place(item),
            "call_id": wanted.call_id,
        }
        event, name = self._call.wire.event, "response.function_call_arguments"
        event(f"{name}.delta", **about, delta=wanted.arguments)
        event(f"{name}.done", **about, name=wanted.name, arguments=wanted.arguments)
        self._end(response, item)

    def _finish(self, response: Response, done: ReplyDone) -> None:
        streamed = response.text
        if done.text.startswith(streamed):
            self._say(response, done.text[len(streamed) :])
        if response.message is not None:
            self._close_item(response, response.message, done.outcome)
        response.end(done)
        self._call.wire.event("response.done", response=self._rendered(response))
        if response.ended is not None:
            self._end_playing(response, response.ended)

    def _close_item(self, response: Response, item: Item, outcome: Outcome) -> None:
        completed = outcome is Outcome.COMPLETED
        item.status = "completed" if completed else "incomplete"
        text = item.text or ""
        if response.spoken:
            self._part_event(response, item, "response.output_audio.done")
            name = "response.output_audio_transcript.done"
            self._part_event(response, item, name, transcript=text)
        else:
            self._part_event(response, item, "response.output_text.done", text=text)
        part = _content(response, text)
        self._part_event(response, item, "response.content_part.done", part=part)
        self._end(response, item)

    def _play(self, response: Response, playback: Playback) -> None:
        if playback.state is Played.CUT and response.asked_ms == playback.heard_ms:
            self._truncated(response, playback)
        elif response.ended is not None:
            self._call.out_of_order(playback)
        elif playback.state is not Played.STARTED:
            response.ended = playback
            if response.status != "in_progress":
                self._end_playing(response, playback)
        elif response.sounding:
            self._call.out_of_order(playback)
        else:
            response.sounding = True
            self._buffer_event(response, "started")

    def _end_playing(self, response: Response, playback: Playback) -> None:
        cut = playback.state is Played.CUT
        if response.sounding:
            response.sounding = False
            self._buffer_event(response, "cleared" if cut else "stopped")
        item = response.message
        if item is None or not response.spoken:
            return
        text = item.text or ""
        # A failed reply can sound to the end of its audio and still lack words.
        whole = response.status in ("completed", "incomplete") and not cut
        heard = len(text) if whole else len(playback.heard)
        if cut:
            item.text = text[:heard]
            item.cut_ms = playback.heard_ms
            if self._call.paced:
                self._call.truncated(item, playback.heard_ms)
            response.whole = text  # provisional: the client knows better
        self._tell_heard(item, text, heard, playback)

    def _truncated(self, response: Response, playback: Playback) -> None:
        """The client's truncation was carried out."""
        item = response.message
        response.asked_ms = None
        response.ended = response.ended or playback
        if item is None:
            return
        text = response.whole or item.text or ""
        response.whole = text
        item.text, item.cut_ms = playback.heard, playback.heard_ms
        self._call.truncated(item, playback.heard_ms)
        self._tell_heard(item, text, len(playback.heard), playback)

    def _tell_heard(
        self, item: Item, text: str, heard: int, playback: Playback
    ) -> None:
        self._call.wire.event(
            "voiceserver.item.heard",
            item_id=item.id,
            heard=text[:heard],
            unheard=text[heard:],
            heard_ms=playback.heard_ms,
            exact=playback.exact,
        )

    def _buffer_event(self, response: Response, state: str) -> None:
        if self._call.paced:
            name = f"output_audio_buffer.{state}"
            self._call.wire.event(name, response_id=response.id)

    def _output_item(self, response: Response, item: Item, name: str) -> None:
        self._call.wire.event(
            name,
            response_id=response.id,
            output_index=response.place(item),
            item=item.rendered(),
        )

    def _part_event(
        self, response: Response, item: Item, name: str, **fields: object
    ) -> None:
        self._call.wire.event(
            name,
            response_id=response.id,
            item_id=item.id,
            output_index=response.place(item),
            content_index=0,
            **fields,
        )

    def _rendered(self, response: Response) -> dict[str, object]:
        return response.rendered(self._conversation_id)


def _content(response: Response, text: str) -> dict[str, object]:
    """The part of a message, as ``content_part`` events show it."""
    if response.spoken:
        return {"type": "audio", "transcript": text}
    return {"type": "text", "text": text}
