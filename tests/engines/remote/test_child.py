"""The loop of an engine's process, run here in a thread or step by step."""

from __future__ import annotations

import json

import pytest

from voiceserver.engines.remote.child import load_jobs, run
from voiceserver.errors import EngineFailed
from voiceserver.processes import ipc
from voiceserver.processes.ipc import BlockingLine, Kind, Message


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
