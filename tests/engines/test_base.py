"""What crosses the port to an engine."""

from __future__ import annotations

import dataclasses

import numpy as np

from tests.fakes import FakeRecogniser, FakeSpeech, FakeText, FakeVad
from voiceserver.engines import base
from voiceserver.engines.base import Message, SpeechChunk, SpeechRequest, TextRequest
from voiceserver.engines.notes import Note
from voiceserver.engines.opened import Engines


def engines() -> Engines:
    return Engines(FakeVad(), FakeRecogniser(), FakeText(), FakeSpeech())


def test_requests_are_equal_by_what_is_asked() -> None:
    """Not by who observes them, nor by whom they would rather be answered."""
    notes: list[Note] = []
    said = (Message("user", "hello"),)
    text = TextRequest(said, "Be brief.")
    assert text == TextRequest(said, "Be brief.", observe=notes.append, hedge=False)
    assert text != TextRequest(said, "Be kind.")
    speech = SpeechRequest("hello", "alloy")
    here = SpeechRequest("hello", "alloy", observe=notes.append, prefer="b")
    assert speech == here
    assert speech != SpeechRequest("hello", "echo")


def test_each_server_has_lines_and_a_load_of_its_own() -> None:
    """What one has spoken beforehand is not in the other."""
    one, other = engines(), engines()
    one.lines.keep("Sorry.", "alloy", 1.0, (SpeechChunk(np.ones(3, np.float32)),))
    assert other.lines.get("Sorry.", "alloy", 1.0) is None
    assert one.overload is not other.overload


def test_what_crosses_the_port_cannot_be_changed_on_the_way() -> None:
    """Neither by an engine nor by who asked it."""
    kinds = {
        kind.__name__: kind
        for kind in vars(base).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind)
    }
    assert {"TextRequest", "SpeechRequest", "SpeechChunk", "Message"} < set(kinds)
    changeable = [n for n, kind in kinds.items() if "__setattr__" not in vars(kind)]
    assert not changeable
