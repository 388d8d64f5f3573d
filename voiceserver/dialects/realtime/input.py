"""The user's side of a Realtime call: speech, its commit, its transcript.

An utterance has its item's id from the start of the speech and becomes an item when
the turn is committed. ``speech_stopped`` is told with the commit: until then a pause
may be one within the turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from voiceserver.commands import utterance_key
from voiceserver.dialects.realtime.call import REMEMBERED, RealtimeCall, milliseconds
from voiceserver.dialects.realtime.items import Item, Part
from voiceserver.events import (
    BargeIn,
    IdleElapsed,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    UserTurn,
)

InputEvent = (
    SpeechStarted | SpeechStopped | BargeIn | Transcript | UserTurn | IdleElapsed
)


@dataclass(slots=True)
class _Utterance:
    number: int
    item: Item
    started_ms: int
    prefix_ms: int
    told: bool  # speech_started was sent
    duration_ms: int = 0
    committed: bool = False
    settled: bool = False  # its transcript was sent


class UserSpeech:
    """Renders what the user says.

    Args:
        call: The call.
        prefix_ms: What is heard before the start, unless the client says it.
    """

    def __init__(self, call: RealtimeCall, prefix_ms: int) -> None:
        self._call = call
        self._prefix_ms = prefix_ms
        self._utterances: dict[int, _Utterance] = {}
        self._newest = 0

    @property
    def speaking(self) -> bool:
        """Whether an utterance is open."""
        newest = self._utterances.get(self._newest)
        return newest is not None and not newest.committed

    def forget(self) -> None:
        """The audio that is not committed was cleared."""
        newest = self._utterances.get(self._newest)
        if newest is not None and not newest.committed:
            del self._utterances[self._newest]

    def notify(self, event: InputEvent) -> None:
        """Render an event; one that the order forbids is logged and ignored."""
        match event:
            case SpeechStarted(utterance, at) | BargeIn(utterance, at):
                if utterance <= self._newest:
                    self._call.out_of_order(event)
                else:
                    self._start(utterance, milliseconds(at))
            case SpeechStopped():
                pass
            case Transcript(final=False):
                self._partial(event)
            case Transcript():
                self._settle(event)
            case UserTurn():
                self._commit(event)
            case IdleElapsed(since, at):
                self._idle(milliseconds(since), milliseconds(at))
            case _:
                assert_never(event)

    def _start(self, number: int, at_ms: int) -> _Utterance:
        settings = self._call.settings
        prefix_ms = settings.prefix_ms
        if prefix_ms is None:
            prefix_ms = self._prefix_ms
        item_id, key = self._call.conversation.new_id(), utterance_key(number)
        item = Item(item_id, "user", Part.INPUT_AUDIO, key=key)
        utterance = _Utterance(
            number, item, at_ms, prefix_ms, told=settings.detection is not None
        )
        self._utterances[number] = utterance
        self._newest = number
        if len(self._utterances) > REMEMBERED:
            del self._utterances[next(iter(self._utterances))]
        if utterance.told:
            self._call.wire.event(
                "input_audio_buffer.speech_started",
                # OpenAI's position counts the prefix padding too.
                audio_start_ms=max(0, at_ms - prefix_ms),
                item_id=item.id,
            )
        return utterance

    def _commit(self, turn: UserTurn) -> None:
        utterance = self._utterances.get(turn.utterance)
        if utterance is None and turn.utterance > self._newest:
            self._call.out_of_order(turn)
            utterance = self._start(turn.utterance, milliseconds(turn.at))
        if utterance is None or utterance.committed:
            self._call.out_of_order(turn)
            return
        call, item = self._call, utterance.item
        utterance.committed = True
        began_ms = max(0, utterance.started_ms - utterance.prefix_ms)
        ended_ms = milliseconds(turn.decided_at)
        utterance.duration_ms = max(0, ended_ms - began_ms)
        call.user_audio_ms += utterance.duration_ms
        if utterance.told:
            # OpenAI's position is the end of the audio, so it counts the silence.
            call.wire.event(
                "input_audio_buffer.speech_stopped",
                audio_end_ms=ended_ms,
                item_id=item.id,
            )
        self._tell_committed(item)

    def _idle(self, start_ms: int, end_ms: int) -> None:
        """The silence after a reply becomes an item without words."""
        call = self._call
        item = Item(call.conversation.new_id(), "user", Part.INPUT_AUDIO, "")
        call.wire.event(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=start_ms,
            audio_end_ms=end_ms,
            item_id=item.id,
        )
        self._tell_committed(item)

    def _tell_committed(self, item: Item) -> None:
        call = self._call
        previous = call.conversation.append(item)
        call.wire.event(
            "input_audio_buffer.committed", item_id=item.id, previous_item_id=previous
        )
        call.added(item, previous)
        call.done(item, previous)

    def _partial(self, transcript: Transcript) -> None:
        utterance = self._utterances.get(transcript.utterance)
        if utterance is None or utterance.settled:
            self._call.out_of_order(transcript)
        elif self._call.settings.transcribed:
            self._call.wire.event(
                "voiceserver.input_transcript.partial",
                item_id=utterance.item.id,
                text=transcript.text,
            )

    def _settle(self, transcript: Transcript) -> None:
        utterance = self._utterances.get(transcript.utterance)
        if utterance is None or not utterance.committed or utterance.settled:
            self._call.out_of_order(transcript)
            return
        utterance.settled = True
        utterance.item.text = transcript.text
        if not self._call.settings.transcribed:
            return
        if transcript.error:
            self._failed(utterance, transcript.error)
        else:
            self._completed(utterance, transcript)

    def _completed(self, utterance: _Utterance, transcript: Transcript) -> None:
        text, more = transcript.text, _more(transcript)
        where = {"item_id": utterance.item.id, "content_index": 0}
        if transcript.language:
            self._call.wire.event(
                "voiceserver.input_transcript.language",
                item_id=utterance.item.id,
                language=transcript.language,
            )
        name = "conversation.item.input_audio_transcription"
        if text:
            # Hypotheses change until the end, and a delta cannot be taken back.
            self._call.wire.event(f"{name}.delta", **where, delta=text)
        self._call.wire.event(
            f"{name}.completed",
            **where,
            transcript=text,
            **more,
            usage={"type": "duration", "seconds": utterance.duration_ms / 1000},
        )

    def _failed(self, utterance: _Utterance, message: str) -> None:
        error = {
            "type": "transcription_error",
            "code": "recogniser_failed",
            "message": message,
            "param": None,
        }
        self._call.wire.event(
            "conversation.item.input_audio_transcription.failed",
            item_id=utterance.item.id,
            content_index=0,
            error=error,
        )


def _more(transcript: Transcript) -> dict[str, object]:
    """What is told of a transcript where it was asked for: probabilities.

    A word stands where OpenAI's API has a token, with the space before it.
    """
    more: dict[str, object] = {}
    if transcript.timed:
        tokens = [f" {w.text}" if n else w.text for n, w in enumerate(transcript.timed)]
        more["logprobs"] = [
            {"token": token, "logprob": word.logprob, "bytes": list(token.encode())}
            for token, word in zip(tokens, transcript.timed, strict=True)
        ]
    return more
