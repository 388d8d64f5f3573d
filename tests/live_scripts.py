"""What services that hear while somebody speaks would answer, with faults on demand.

Written from their documentation, as ``voiceserver.engines.hearing`` reads it. No I/O:
``fake_sockets`` and ``faulty_live_server`` carry it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Protocol

HANG_UP = None  # in place of a message
BYTES_A_SECOND = 32_000
WORD_S = 0.25  # of audio for each word


class Script(Protocol):
    """One connection, from the service's side."""

    def heard(self, message: str | bytes) -> list[str | None]:
        """What is answered to a message; ``HANG_UP`` closes the socket."""


class NovaScript:
    """Deepgram's ``/v1/listen``.

    Args:
        text: Heard, a word each quarter of a second.
        fault: ``"twice"``, ``"language"``, ``"garbage"``, ``"error"``, ``"version"``,
            ``"silence"``, ``"hang_up"``, or one of the carrier's.
    """

    def __init__(self, text: str = "hello there", fault: str = "") -> None:
        self.words, self.fault = text.split(), fault
        self.n_bytes, self.n_told = 0, 0
        self.messages: list[str] = []

    def heard(self, message: str | bytes) -> list[str | None]:
        """See ``Script``."""
        if isinstance(message, str):
            self.messages.append(json.loads(message)["type"])
        else:
            self.n_bytes += len(message)
        if self.fault == "silence":
            return []
        if self.fault == "garbage":
            return ["<p>hello"]
        if self.fault == "error":
            return [json.dumps({"type": "Error", "description": "secret words"})]
        if self.fault == "hang_up" and self.seconds > WORD_S:
            return [HANG_UP]
        if isinstance(message, bytes):
            return self._interim()
        match self.messages[-1]:
            case "Finalize":
                final = self._results(len(self.words), final=True)
                return [final, final] if self.fault == "twice" else [final]
            case "CloseStream":
                return [
                    json.dumps({"type": "Metadata", "duration": self.seconds}),
                    None,
                ]
        return []

    @property
    def seconds(self) -> float:
        """Of audio so far."""
        return self.n_bytes / BYTES_A_SECOND

    def _interim(self) -> list[str | None]:
        n_words = min(int(self.seconds / WORD_S), len(self.words))
        if n_words <= self.n_told:
            return []
        self.n_told = n_words
        return [self._results(n_words, final=False)]

    def _results(self, n_words: int, final: bool) -> str:
        words = [
            {"word": word, "start": i * WORD_S, "end": (i + 1) * WORD_S}
            for i, word in enumerate(self.words[:n_words])
        ]
        best: dict[str, object] = {
            "transcript": " ".join(self.words[:n_words]),
            "confidence": 0.5,
            "words": words,
        }
        if self.fault == "language":
            best |= {"transcript": "hola", "languages": ["es"]}
        version = "2099-01-01.0" if self.fault == "version" else "2025-07-31.0"
        return json.dumps(
            {
                "type": "Results",
                "start": 0.0,
                "duration": self.seconds,
                "is_final": final,
                "speech_final": final,
                "from_finalize": final,
                "channel": {"alternatives": [best]},
                "metadata": {"model_info": {"name": "nova", "version": version}},
            }
        )


class FluxScript:
    """Deepgram's ``/v2/listen``; faults as of ``NovaScript``."""

    def __init__(self, text: str = "hello there", fault: str = "") -> None:
        self.words, self.fault = text.split(), fault
        self.n_bytes = 0
        self.messages: list[str] = []

    def heard(self, message: str | bytes) -> list[str | None]:
        """See ``Script``."""
        if isinstance(message, str):
            self.messages.append(json.loads(message)["type"])
        else:
            self.n_bytes += len(message)
        seconds = self.n_bytes / BYTES_A_SECOND
        match self.fault:
            case "silence":
                return []
            case "garbage":
                return ["<p>hello"]
            case "error":
                return [json.dumps({"type": "Error", "code": "x", "description": "y"})]
            case "hang_up" if seconds > WORD_S:
                return [HANG_UP]
        told = self._turn(min(int(seconds / WORD_S), len(self.words)), seconds)
        ended = isinstance(message, str)
        return [told] * (1 + (self.fault == "twice")) + [HANG_UP] * ended

    def _turn(self, n_words: int, seconds: float) -> str:
        said = {"transcript": " ".join(self.words[:n_words]), "languages": ["en"]}
        if self.fault == "language":
            said = {"transcript": "hola", "languages": ["es"]}
        over = 0.9 if n_words == len(self.words) else 0.1
        told = {
            "type": "TurnInfo",
            "event": "Update",
            "turn_index": 0,
            "audio_window_start": 0.0,
            "audio_window_end": seconds,
            "words": [],
            "end_of_turn_confidence": over,
        }
        return json.dumps(told | said)


class RealtimeScript:
    """OpenAI's ``/v1/realtime`` with ``intent=transcription``; faults as of the others.

    A delta for each word, as models that write while they hear have it.
    """

    def __init__(self, text: str = "hello there", fault: str = "") -> None:
        self.words, self.fault = text.split(), fault
        self.n_bytes, self.n_told = 0, 0
        self.session: dict[str, object] = {}
        self.messages: list[str] = []

    def heard(self, message: str | bytes) -> list[str | None]:
        """See ``Script``."""
        told = json.loads(message)
        self.messages.append(told["type"])
        self.n_bytes += len(base64.b64decode(told.get("audio", "")))
        match self.fault:
            case "silence":
                return []
            case "garbage":
                return ["<p>hello"]
            case "error":
                error = {"code": "server_error", "message": "secret words"}
                return [json.dumps({"type": "error", "error": error})]
            case "hang_up" if self.seconds > WORD_S:
                return [HANG_UP]
        match told["type"]:
            case "session.update":
                self.session = told["session"]
                return [self._updated()]
            case "input_audio_buffer.append":
                return self._deltas(min(int(self.seconds / WORD_S), len(self.words)))
            case "input_audio_buffer.commit":
                return [
                    self._item("input_audio_buffer.committed"),
                    *self._deltas(len(self.words)),
                    *[self._completed()] * (1 + (self.fault == "twice")),
                ]
        return []

    @property
    def seconds(self) -> float:
        """Of audio so far, at 24 kHz."""
        return self.n_bytes / 48_000

    def _updated(self) -> str:
        model = "other" if self.fault == "version" else "m"
        listening = {"transcription": {"model": model}}
        session = self.session | {"audio": {"input": listening}}
        return json.dumps({"type": "session.updated", "session": session})

    def _item(self, kind: str, **more: object) -> str:
        return json.dumps({"type": kind, "item_id": "item_1"} | more)

    def _deltas(self, n_words: int) -> list[str | None]:
        words = self.words[self.n_told : n_words]
        self.n_told = max(self.n_told, n_words)
        kind = "conversation.item.input_audio_transcription.delta"
        return [self._item(kind, delta=f"{word} ") for word in words]

    def _completed(self) -> str:
        text = "hola" if self.fault == "language" else " ".join(self.words)
        kind = "conversation.item.input_audio_transcription.completed"
        return self._item(kind, transcript=text, logprobs=[{"logprob": -0.5}])


SCRIPTS: dict[str, Callable[[str, str], Script]] = {
    "/v1/listen": NovaScript,
    "/v2/listen": FluxScript,
    "/v1/realtime": RealtimeScript,
}
