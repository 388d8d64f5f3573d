"""Carriers with sockets of their own."""

from __future__ import annotations

import pytest

from tests.toys.tcp import TcpListener
from voiceserver.carriers import table
from voiceserver.carriers.base import Listener
from voiceserver.config import Config


def test_only_what_the_settings_ask_for_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row that returns None is off."""
    listener = TcpListener()

    def on(_config: Config) -> Listener | None:
        return listener

    def off(_config: Config) -> Listener | None:
        return None

    monkeypatch.setattr(table, "LISTENERS", (off, on))
    assert table.listeners(Config()) == [listener]
