"""Several voices by language, alone and in whole conversations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest

from tests.fakes import Call, FakeRecogniser, FakeSpeech, FakeText, FakeUtterance
from tests.virtual_time import run_virtual
from voiceserver.budget import Step
from voiceserver.commands import Configure, Hearing
from voiceserver.config import Config
from voiceserver.engines.base import (
    DICTATION,
    Opening,
    SpeechChunk,
    SpeechRequest,
    TextItem,
    TextRequest,
)
from voiceserver.engines.notes import Answering, Note
from voiceserver.engines.polyglot import Polyglot, find_language
from voiceserver.errors import ConfigError, EngineFailed
from voiceserver.events import Outcome, ReplyDone, Transcript

TURN = [(0.2, False), (1.0, True), (6.0, False)]
UNSPOKEN = Config().budget.unspoken


class Voice(FakeSpeech):
    """A voice with a name, some languages, and a fault."""

    def __init__(self, name: str, *languages: str, fails: bool = False) -> None:
        super().__init__()
        self.name = name
        self.languages = languages
        self._fails = fails

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        if self._fails:
            raise EngineFailed(self.name, "it is down")
        async with aclosing(super().speak(request)) as chunks:
            async for chunk in chunks:
                yield chunk


class Linguist(FakeText):
    """A text model that answers in the language it is told to."""

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        request.observe(Answering(self.name, request.language))
        async with aclosing(super().reply(request)) as words:
            async for piece in words:
                yield piece


class ChangingRecogniser(FakeRecogniser):
    """Hears one language after the other, an utterance each."""

    language = ""

    def __init__(self, said: dict[str, str]) -> None:
        super().__init__(list(said.values()))
        self._languages = list(said)

    def open(self, opening: Opening = DICTATION) -> FakeUtterance:
        self.heard_in = self._languages.pop(0)
        return super().open(opening)


def said(speech: Polyglot, request: SpeechRequest) -> int:
    async def scenario() -> int:
        async with aclosing(speech.speak(request)) as chunks:
            return len([chunk async for chunk in chunks])

    return run_virtual(scenario())


def test_each_language_has_its_voice() -> None:
    """The server's own is ours, a country's may have another, the rest has one."""
    own, cloud, rest = Voice("own"), Voice("cloud"), Voice("rest", "fr", "it", "es")
    speech = Polyglot(own, {"es": [cloud], "es-mx": [rest], "*": [rest]})
    for language in ("", "en-GB", "es", "es-MX", "es-ES", "fr-CA", "it"):
        assert speech.speaks(language)
        assert said(speech, SpeechRequest("uno dos", language=language))
    assert [r.language for r in own.requests] == ["", "en-GB"]
    assert [r.language for r in cloud.requests] == ["es", "es-ES"]
    assert [r.language for r in rest.requests] == ["es-MX", "fr-CA", "it"]
    assert (speech.name, speech.voices) == ("own", own.voices)


def test_a_language_that_nobody_speaks_is_refused() -> None:
    """Not said by English sounds."""
    own = Voice("own")
    speech = Polyglot(own, {"*": [Voice("rest", "fr")]})
    assert not speech.speaks("bo")
    with pytest.raises(EngineFailed, match="nobody here speaks Tibetan"):
        said(speech, SpeechRequest("uno", language="bo"))
    assert not own.requests


def test_the_next_voice_of_a_language_takes_over() -> None:
    """Who spoke an answer's first phrase goes on with it; our own is no way out."""
    own, cloud, rest = Voice("own"), Voice("cloud", fails=True), Voice("rest")
    speech = Polyglot(own, {"es": [cloud, rest]})
    notes: list[Note] = []
    assert said(speech, SpeechRequest("uno", language="es", observe=notes.append))
    assert notes == [Answering("rest")]
    with pytest.raises(EngineFailed, match="it is down"):
        said(Polyglot(own, {"es": [cloud]}), SpeechRequest("uno", language="es"))
    assert not own.requests
    both = [Voice("a"), Voice("b")]
    assert said(
        Polyglot(own, {"es": both}), SpeechRequest("uno", language="es", prefer="b")
    )
    assert not both[0].requests and both[1].requests


def test_a_voice_that_lacks_its_language_is_an_error_at_the_start() -> None:
    """A service may speak anything: only one that lists its languages is checked."""
    own = Voice("own")
    Polyglot(own, {"bo": [Voice("cloud")], "*": [Voice("rest", "fr")]}).check()
    with pytest.raises(ConfigError, match="bo: rest does not speak Tibetan"):
        Polyglot(own, {"bo": [Voice("rest", "fr")]}).check()


def test_the_nearest_tag_is_found() -> None:
    """The country if it is there, else the language, else another country's."""
    known = ("es", "fr-fr", "cmn", "pt-br", "pt", "nb")
    wanted = ("es-MX", "fr", "fr-CA", "zh", "pt_BR", "pt-PT", "no", "nn", "de")
    found = [find_language(tag, known) for tag in wanted]
    assert found == ["es", "fr-fr", "fr-fr", "cmn", "pt-br", "pt", "nb", "nb", None]


def conversation(
    heard: str, speech: Polyglot, text: FakeText | None = None, asked: str = ""
) -> Call:
    recogniser = FakeRecogniser(["hola que tal"])
    recogniser.heard_in = heard
    recogniser.language = "en" if not heard else ""
    call = Call(recogniser=recogniser, text=text or Linguist(10), speech=speech)

    async def talk() -> None:
        if asked:
            settings = replace(call.settings, hearing=Hearing(asked))
            call.session.command(Configure(settings))
        await call.run(TURN)

    run_virtual(talk())
    return call


def spoken(*voices: Voice) -> list[list[str]]:
    """What each voice was asked for, in which language, without prepared lines."""
    return [
        [r.language for r in voice.requests if r.text.startswith("w")]
        for voice in voices
    ]


def test_a_turn_is_answered_and_spoken_in_the_language_that_was_heard() -> None:
    """The client is told, the model is told, and another voice speaks."""
    own, rest = Voice("own"), Voice("rest", "es")
    call = conversation("es", Polyglot(own, {"*": [rest]}))
    final = [e for e in call.dialect.of(Transcript) if getattr(e, "final", False)]
    assert [getattr(e, "language", "") for e in final] == ["es"]
    assert {r.language for r in call.text.requests} == {"es"}  # type: ignore[attr-defined]
    ours, theirs = spoken(own, rest)
    assert not ours and theirs and set(theirs) == {"es"}
    [record] = call.dialect.records
    assert record.spoken_by == "rest" and Step.UNSPOKEN.value not in record.steps


def test_a_language_that_changes_in_mid_call_is_answered_in_each() -> None:
    """Turn by turn: what was spoken before binds nobody."""
    own, rest = Voice("own"), Voice("rest", "es")
    call = Call(
        recogniser=ChangingRecogniser({"es": "hola que tal", "en": "now in english"}),
        text=Linguist(10),
        speech=Polyglot(own, {"*": [rest]}),
    )
    run_virtual(call.run([*TURN, *TURN]))
    asked = [r.language for r in call.text.requests]  # type: ignore[attr-defined]
    assert sorted(set(asked), key=asked.index) == ["es", "en"]
    assert [set(each) for each in spoken(own, rest)] == [{"en"}, {"es"}]
    assert [r.spoken_by for r in call.dialect.records] == ["rest", "own"]


def test_what_a_client_asks_for_holds_where_nothing_is_found_out() -> None:
    """Its language is the session's."""
    own, rest = Voice("own"), Voice("rest", "es")
    call = conversation("", Polyglot(own, {"*": [rest]}), asked="es")
    assert {r.language for r in call.text.requests} == {"es"}  # type: ignore[attr-defined]
    assert set(spoken(own, rest)[1]) == {"es"}


def test_an_answer_that_no_voice_can_say_is_shown_and_that_is_said_first() -> None:
    """In one sentence of our own; never Spanish words by English sounds."""
    own = Voice("own")
    call = conversation("es", Polyglot(own, {}))
    [done] = call.dialect.of(ReplyDone)
    assert isinstance(done, ReplyDone) and done.outcome is Outcome.COMPLETED
    assert done.text.startswith(f"{UNSPOKEN} w0 ") and done.text.count("w") >= 10
    assert spoken(own) == [[]]
    assert call.heard  # the sentence sounded
    [record] = call.dialect.records
    assert record.first_audio_ms is not None and record.first_audio_ms < 900
    assert Step.UNSPOKEN.value in record.steps


def test_who_answers_in_our_own_language_is_spoken_by_our_own_voice() -> None:
    """The responder knows English only, whatever was heard."""
    own, rest = Voice("own"), Voice("rest", "es")
    call = conversation("es", Polyglot(own, {"*": [rest]}), FakeText(10))
    assert call.text.requests[0].language == "es"  # type: ignore[attr-defined]
    ours, theirs = spoken(own, rest)
    assert set(ours) == {""} and not theirs


def test_an_english_server_tells_nobody_anything() -> None:
    """As before: no note to the model, no language to the voice."""
    own = Voice("own")
    recogniser = FakeRecogniser(["hello there"])
    recogniser.heard_in = "en"
    call = Call(recogniser=recogniser, text=Linguist(10), speech=Polyglot(own, {}))
    run_virtual(call.run(TURN))
    assert {r.language for r in call.text.requests} == {""}  # type: ignore[attr-defined]
    assert set(spoken(own)[0]) == {""}


def test_cancelling_closes_the_voice_that_speaks() -> None:
    """The one that was chosen, within the same step."""
    rest = Voice("rest", "es")
    speech = Polyglot(Voice("own"), {"*": [rest]})

    async def scenario() -> None:
        stream = speech.speak(SpeechRequest("uno dos tres", language="es"))
        await anext(stream)
        assert rest.open_streams == 1
        await stream.aclose()
        await asyncio.sleep(0)

    run_virtual(scenario())
    assert rest.open_streams == 0


def test_our_own_voice_speaks_by_its_own_stream() -> None:
    """Nothing stands between its chunks and who plays them, where nobody else may."""
    request = SpeechRequest("Hello.")
    stream = FakeSpeech().speak(request)

    class Kept(FakeSpeech):
        def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
            return stream

    assert Polyglot(Kept(), {}).speak(request) is stream
