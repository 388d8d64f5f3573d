"""The engines of a server, opened."""

from __future__ import annotations

from tests.fakes import FakeRecogniser, FakeSpeech, FakeText, FakeVad
from voiceserver.engines.opened import Engines


def test_each_server_has_its_own_lines_and_load() -> None:
    """What one has spoken or cannot keep up with is nothing to another."""
    given = FakeVad(), FakeRecogniser(), FakeText(), FakeSpeech()
    one, other = Engines(*given), Engines(*given)
    one.lines.keep("Hmm.", "alloy", 1.0, ())
    assert other.lines.get("Hmm.", "alloy", 1.0) is None
    assert one.overload is not other.overload
    assert one == other


def test_the_voices_are_those_of_its_speech() -> None:
    """The default first; it speaks for names that only OpenAI's clients know."""
    speech = FakeSpeech()
    engines = Engines(FakeVad(), FakeRecogniser(), FakeText(), speech)
    default = speech.voices[0]
    assert engines.voices(default).names[0] == default
    assert set(speech.voices) <= set(engines.voices(default).names)
