"""The server's side of a Realtime call: responses, and what was heard of them.

A response has two lives. Its generation goes from ``response.created`` to one
``response.done``; its playing ends later, by itself or cut off, and is told only after
``response.done``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from voiceserver.budget import TurnRecord
from voiceserver.dialects.realtime_audio import VoiceEncoder
from voiceserver.dialects.realtime_call import REMEMBERED, Call
from voiceserver.dialects.realtime_items import Item, Part
from voiceserver.dialects.realtime_session import SessionSettings
from voiceserver.dialects.realtime_wire import Refused
from voiceserver.events import (
    AudioDelta,
    Command,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    TextDelta,
    Truncate,
)

OutputEvent = ReplyStarted | TextDelta | AudioDelta | ReplyDone | Playback

# Estimates, until text models report their tokens and replies the length of their
# audio: 4 characters a token; 14 characters a second spoken, 20 audio tokens a second.
_CHARACTERS_PER_TOKEN = 4
_AUDIO_TOKENS_PER_CHARACTER = 20 / 14
_AUDIO_TOKEN_MS = 100  # of the user's audio


@dataclass(slots=True)
class Response:
    """A reply as the protocol shows it.

    Attributes:
        id: Its identifier.
        settings: The session's when it began; later updates do not touch it.
        metadata: The client's, echoed.
        user_audio_ms: Audio of the user that it answers.
        status: ``"in_progress"`` until its generation ends.
        details: The protocol's ``status_details``.
        item: Its message; None until the first words.
        previous: Id of the item before it.
        sounding: ``output_audio_buffer.started`` was sent, and no end of it.
        ended: The end of its playing, kept until it may be told or told already.
        voice: Encodes its audio, where that goes in events.
        asked_ms: Where the client asked to truncate it; None if it has no answer due.
        whole: Its text before it was cut.
    """

    id: str
    settings: SessionSettings
    metadata: dict[str, str]
    user_audio_ms: int
    status: str = "in_progress"
    details: dict[str, object] | None = None
    item: Item | None = None
    previous: str | None = None
    sounding: bool = False
    ended: Playback | None = None
    voice: VoiceEncoder | None = None
    asked_ms: int | None = None
    whole: str = ""

    @property
    def text(self) -> str:
        """The words so far."""
        return (self.item.text or "") if self.item else ""

    def rendered(self, conversation_id: str) -> dict[str, object]:
        """The response object as it stands now."""
        done = self.status != "in_progress"
        settings = self.settings
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": self.status,
            "status_details": self.details,
            "output": [self.item.rendered()] if done and self.item else [],
            "conversation_id": conversation_id,
            "output_modalities": ["audio"],
            "audio": {
                "output": {"format": settings.output_format, "voice": settings.voice}
            },
            "max_output_tokens": settings.max_output_tokens,
            "usage": self._usage() if done else None,
            "metadata": self.metadata or None,
        }

    def _usage(self) -> dict[str, object]:
        audio_in = self.user_audio_ms // _AUDIO_TOKEN_MS
        text_in = len(self.settings.instructions) // _CHARACTERS_PER_TOKEN
        text_out = -(-len(self.text) // _CHARACTERS_PER_TOKEN)
        audio_out = round(len(self.text) * _AUDIO_TOKENS_PER_CHARACTER)
        return {
            "total_tokens": audio_in + text_in + audio_out + text_out,
            "input_tokens": audio_in + text_in,
            "output_tokens": audio_out + text_out,
            "input_token_details": {
                "text_tokens": text_in,
                "audio_tokens": audio_in,
                "cached_tokens": 0,
            },
            "output_token_details": {
                "text_tokens": text_out,
                "audio_tokens": audio_out,
            },
        }


class Responses:
    """Renders replies; at most one is active at a time.

    Args:
        call: The call.
        conversation_id: Shown in every response object.
    """

    def __init__(self, call: Call, conversation_id: str) -> None:
        self._call = call
        self._conversation_id = conversation_id
        self._by_turn: dict[int, Response] = {}
        self._newest = 0

    @property
    def active(self) -> Response | None:
        """The response that is being generated, if any."""
        newest = self._by_turn.get(self._newest)
        if newest is None or newest.status != "in_progress":
            return None
        return newest

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
            case ReplyDone():
                self._finish(response, event)
            case _:
                assert_never(event)

    def close(self) -> None:
        """End a response that is still active: no event of it will come."""
        if self.active is not None:
            done = ReplyDone(self._newest, "", Outcome.CANCELLED)
            self._finish(self.active, done)

    def account(self, record: TurnRecord) -> None:
        """Tell what a turn cost; it is over, so nothing more of it will sound."""
        response = self._by_turn.get(record.turn)
        if response and response.status == "cancelled" and response.ended is None:
            self._play(response, Playback(record.turn, Played.CUT))
        item = response.item if response else None
        self._call.wire.event(
            "voiceserver.turn.latency",
            turn=record.turn,
            response_id=response.id if response else None,
            item_id=item.id if item else None,
            endpoint_reason=record.endpoint_reason,
            endpoint_ms=_tenths(record.endpoint_ms),
            stages=[
                {
                    "stage": spend.stage.value,
                    "started_ms": _tenths(spend.started_ms),
                    "planned_ms": _tenths(spend.planned_ms),
                    "spent_ms": _tenths(spend.spent_ms),
                    "outcome": spend.outcome,
                }
                for spend in record.stages
            ],
            first_audio_ms=_tenths(record.first_audio_ms),
            target_ms=_tenths(record.target_ms),
            answered_by=record.answered_by,
            outcome=record.outcome,
            blame=record.blame,
        )

    def _start(self, event: ReplyStarted) -> None:
        if event.turn <= self._newest:
            self._call.out_of_order(event)
            return
        if self.active is not None:
            # The one way to keep one terminal for each: its own will be ignored.
            self._call.out_of_order(event)
            self.close()
        call = self._call
        response = Response(
            call.ids.new("resp"), call.settings, event.metadata, call.user_audio_ms
        )
        call.user_audio_ms = 0
        self._by_turn[event.turn] = response
        self._newest = event.turn
        if len(self._by_turn) > REMEMBERED:
            del self._by_turn[next(iter(self._by_turn))]
        call.wire.event("response.created", response=self._rendered(response))

    def _say(self, response: Response, text: str) -> None:
        if not text:
            return
        item = response.item or self._open(response)
        item.text = (item.text or "") + text
        self._part_event(
            response, item, "response.output_audio_transcript.delta", delta=text
        )

    def _sound(self, response: Response, event: AudioDelta) -> None:
        item = response.item or self._open(response)
        if response.voice is None:
            response.voice = VoiceEncoder(response.settings.output_format)
        delta = response.voice.encode(event.samples)
        if delta:
            name = "response.output_audio.delta"
            self._part_event(response, item, name, delta=delta)

    def truncate(self, item: Item, asked_ms: int) -> list[Command]:
        """Read where the client stopped playing a reply.

        Raises:
            Refused: If the reply has less audio, or is too old.
        """
        call = self._call
        if call.paced and item.cut_ms is not None and asked_ms >= item.cut_ms:
            call.truncated(item, item.cut_ms)  # the server knows what was played
            return []
        for turn, response in self._by_turn.items():
            if response.item is item:
                sent_ms = response.voice.sent_ms if response.voice else None
                if not call.paced and asked_ms > (sent_ms or 0):
                    message = f"audio_end_ms is beyond the {sent_ms or 0} ms of audio"
                    raise Refused(message, param="audio_end_ms")
                response.asked_ms = asked_ms
                return [Truncate(turn, asked_ms)]
        message = "the reply is too long ago to be truncated"
        raise Refused(message, param="item_id")

    def _open(self, response: Response) -> Item:
        """Begin the message; only now, so that a failure without words has none."""
        call = self._call
        item = Item(
            call.conversation.new_id(),
            "assistant",
            Part.OUTPUT_AUDIO,
            status="in_progress",
        )
        response.item = item
        response.previous = call.conversation.append(item)
        self._output_item(response, item, "response.output_item.added")
        call.added(item, response.previous)
        self._part_event(
            response,
            item,
            "response.content_part.added",
            part={"type": "audio", "transcript": ""},
        )
        return item

    def _finish(self, response: Response, done: ReplyDone) -> None:
        streamed = response.text
        if done.text.startswith(streamed):
            self._say(response, done.text[len(streamed) :])
        if response.item is not None:
            self._close_item(response, response.item, done.outcome)
        response.status, response.details = _ending(done)
        self._call.wire.event("response.done", response=self._rendered(response))
        if response.ended is not None:
            self._end_playing(response, response.ended)

    def _close_item(self, response: Response, item: Item, outcome: Outcome) -> None:
        completed = outcome is Outcome.COMPLETED
        item.status = "completed" if completed else "incomplete"
        text = item.text or ""
        self._part_event(response, item, "response.output_audio.done")
        self._part_event(
            response, item, "response.output_audio_transcript.done", transcript=text
        )
        self._part_event(
            response,
            item,
            "response.content_part.done",
            part={"type": "audio", "transcript": text},
        )
        self._call.done(item, response.previous)
        self._output_item(response, item, "response.output_item.done")

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
        item = response.item
        if item is None:
            return
        text = item.text or ""
        # A failed reply can sound to the end of its audio and still lack words.
        whole = response.status == "completed" and not cut
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
        item = response.item
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
            name, response_id=response.id, output_index=0, item=item.rendered()
        )

    def _part_event(
        self, response: Response, item: Item, name: str, **fields: object
    ) -> None:
        self._call.wire.event(
            name,
            response_id=response.id,
            item_id=item.id,
            output_index=0,
            content_index=0,
            **fields,
        )

    def _rendered(self, response: Response) -> dict[str, object]:
        return response.rendered(self._conversation_id)


def _ending(done: ReplyDone) -> tuple[str, dict[str, object] | None]:
    """The status of a response and its details."""
    match done.outcome:
        case Outcome.COMPLETED:
            return "completed", None
        case Outcome.INTERRUPTED:
            return "cancelled", {"type": "cancelled", "reason": "turn_detected"}
        case Outcome.CANCELLED:
            return "cancelled", {"type": "cancelled", "reason": "client_cancelled"}
        case Outcome.FAILED:
            error = {
                "type": "server_error",
                "code": "reply_failed",
                "message": done.error,
            }
            return "failed", {"type": "failed", "error": error}
        case _:
            assert_never(done.outcome)


def _tenths(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
