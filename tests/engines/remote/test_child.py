"""The loop of an engine's process, run here in a thread or step by step."""

from __future__ import annotations

import json
import socket

import pytest

from tests.engines.remote.fake_cores import ToneVoice
from voiceserver.engines.remote.child import Server, load_jobs, read_settings, run
from voiceserver.engines.remote.synthesizer_child import SpeechJobs
from voiceserver.errors import EngineFailed
from voiceserver.processes import ipc
from voiceserver.processes.ipc import BlockingLine, Closed, Kind, Malformed, Message


class Conversation:
    """A child that is told everything in advance, then works until we are gone."""

    def __init__(self) -> None:
        ours, theirs = ipc.pair()
        self.ours, self.theirs = BlockingLine(ours), BlockingLine(theirs)
        self._half = ours

    def tell(
        self, kind: Kind, slot: int = 0, body: bytes = b"", **meta: object
    ) -> None:
        self.ours.send(Message(kind, slot, 1 + slot, dict(meta), body))

    def phrase(self, slot: int, text: str, credit: int = 100) -> None:
        self.tell(Kind.OPEN, slot, voice="alloy", speed=1.0, credit=credit)
        self.tell(Kind.PUSH, slot, text.encode())
        self.tell(Kind.FINISH, slot)

    def answers(self) -> list[Message]:
        """Let the child work off everything; return what it said."""
        self._half.shutdown(socket.SHUT_WR)
        with pytest.raises(Closed):
            Server(self.theirs, SpeechJobs(ToneVoice())).serve()
        self.theirs.close()
        said: list[Message] = []
        while True:
            try:
                message = self.ours.receive()
            except Closed:
                self.ours.close()
                return said
            assert message is not None
            said.append(message)


def test_the_end_of_the_socket_ends_the_child() -> None:
    """Even with work left."""
    talk = Conversation()
    talk.phrase(0, "one two three")
    said = talk.answers()
    assert len(said) < 7  # 6 items and an end: it did not work on for nobody


def test_a_cancel_is_acknowledged_once_and_ends_the_job() -> None:
    """A second cancel, and any message for the job, is dropped."""
    talk = Conversation()
    talk.phrase(0, "one", credit=0)
    talk.tell(Kind.CANCEL)
    talk.tell(Kind.CANCEL)
    talk.tell(Kind.CREDIT, items=5)
    assert [m.kind for m in talk.answers()] == [Kind.CANCELLED]


def test_a_job_that_cannot_begin_fails() -> None:
    """A request without what it needs is an answer, not the end of the child."""
    talk = Conversation()
    talk.tell(Kind.OPEN, 0)
    talk.tell(Kind.OPEN, 1, voice="alloy", speed="fast", credit=1)
    assert [m.kind for m in talk.answers()] == [Kind.FAILED, Kind.FAILED]


def test_settings_come_in_parts() -> None:
    """Until one says that it is the last."""
    ours, theirs = map(BlockingLine, ipc.pair())
    raw = json.dumps({"kind": "speech", "grammar": "x" * 100}).encode()
    ours.send(Message(Kind.SETTINGS, meta={"last": False}, body=raw[:20]))
    ours.send(Message(Kind.SETTINGS, meta={"last": True}, body=raw[20:]))
    assert read_settings(theirs)["grammar"] == "x" * 100
    ours.send(Message(Kind.OPEN))
    with pytest.raises(Malformed):
        read_settings(theirs)
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"kind": "speech", "core": "no.such.module:load"},
        {"kind": "speech", "core": "tests.engines.remote.fake_cores:nothing"},
        {"kind": "dancing", "core": "tests.engines.remote.fake_cores:load_voice"},
    ],
)
def test_a_core_that_is_not_there_is_our_error(settings: dict[str, object]) -> None:
    """Which names what was asked for."""
    with pytest.raises(EngineFailed):
        load_jobs(settings)


def test_a_refusal_to_load_is_told_to_the_parent() -> None:
    """With the core's words."""
    ours, theirs = map(BlockingLine, ipc.pair())
    core = "tests.engines.remote.fake_cores:load_nothing"
    settings = {"kind": "speech", "core": core}
    raw = json.dumps(settings).encode()
    ours.send(Message(Kind.SETTINGS, meta={"last": True}, body=raw))
    run(theirs)
    message = ours.receive()
    assert message is not None
    assert message.kind is Kind.FAILED
    assert "install it" in str(message.meta["why"])
    ours.close()
    theirs.close()
