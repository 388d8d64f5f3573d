"""What a session asks of those on both sides of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.carriers.incoming import incoming
from tests.fakes import Call, FakeText, RecordingDialect
from tests.virtual_time import run_virtual
from voiceserver.budget import TurnRecord
from voiceserver.commands import CallSettings, HangUp
from voiceserver.config import Config
from voiceserver.events import Event
from voiceserver.session.ports import Carrier, Opened
from voiceserver.session.session import Session

SCRIPT = [(0.2, False), (1.0, True), (3.5, False)]


class OrderedDialect(RecordingDialect):
    """Notes the order of what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def opened(self) -> None:
        self.order.append("opened")

    def notify(self, event: Event) -> None:
        self.order.append("event")

    def account(self, record: TurnRecord) -> None:
        self.order.append("turn")

    def closed(self, end: HangUp) -> None:
        self.order.append("closed")


class Between(Call):
    """A call between a dialect of its own and a carrier of this kind."""

    def __init__(self, carrier: Carrier, settings: CallSettings | None = None) -> None:
        super().__init__()
        self.told = OrderedDialect()
        self.model = FakeText(words=4)
        parts = incoming(text=self.model).parts
        self.metrics = parts.metrics
        opened = Opened(self.told, settings or CallSettings.starting(Config()))
        self.session = Session(parts, opened, self.playout, carrier)
        run_virtual(self.run(SCRIPT))


def test_a_dialect_is_opened_first_and_closed_last() -> None:
    """Once each; between them are the events and the account of the turn."""
    order = Between(Carrier("toy")).told.order
    assert (order[0], order[-1]) == ("opened", "closed")
    assert (order.count("opened"), order.count("closed")) == (1, 1)
    assert order.count("turn") == 1
    assert order.count("event") > 5


@pytest.mark.parametrize("name", ["toy", "pigeon"])
def test_a_call_is_counted_under_its_carriers_name(name: str) -> None:
    """Whichever it is; the session knows none of them."""
    registry = Between(Carrier(name)).metrics.registry
    counted = {
        sample.labels["carrier"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "voiceserver_first_audio_seconds_count"
    }
    assert counted == {name: 1}


def test_a_conversation_starts_with_what_its_dialect_was_opened_with() -> None:
    """Not with the server's settings, which were laid under it."""
    settings = CallSettings.starting(Config())
    mine = replace(settings, instructions="Speak like a porter.")
    [request] = Between(Carrier("toy"), mine).model.requests
    assert "Speak like a porter." in request.instructions
