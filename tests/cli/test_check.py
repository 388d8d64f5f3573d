"""``voiceserver check``."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from typing import Any, Literal

import pytest

from tests.cli.fake import OpenedEngines
from tests.e2e.running import free_port
from tests.faulty_live_server import FaultyLiveServer
from tests.faulty_speech_server import FaultySpeechServer
from tests.faulty_text_server import FaultyTextServer
from tests.faulty_transcription_server import FaultyTranscriptionServer
from voiceserver.cli.check import Row, check, money, rows, text_is_late
from voiceserver.config import (
    AudioSocketConfig,
    BudgetConfig,
    CallWebhookConfig,
    Config,
    RecogniserConfig,
    RecogniserProvider,
    ServerConfig,
    SipConfig,
    SpeechConfig,
    SpeechProvider,
    TelephonyConfig,
    TextConfig,
    TextProvider,
)
from voiceserver.server.connections import address_of, bound_socket

LOCAL = ServerConfig(port=0)


async def found(config: Config) -> dict[str, Row]:
    return {row.what: row async for row in rows(config)}


def with_provider(base_url: str, key_env: str = "") -> Config:
    provider = TextProvider("p", base_url, "m", key_env)
    return Config(server=LOCAL, text=TextConfig(provider=(provider,)))


def test_all_good_is_exit_code_0(
    opened: OpenedEngines, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row each, and each engine opened alone."""
    assert check(Config(server=LOCAL)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "all good"
    assert all(line.startswith("ok") for line in lines[:-1])
    assert len(opened.configs) == 4
    for config in opened.configs:
        assert list(dataclasses.astuple(config.engines)).count("stub") == 3


@pytest.mark.parametrize("slot", ["vad", "recogniser", "text", "speech"])
def test_one_broken_engine_does_not_hide_the_others(
    opened: OpenedEngines, capsys: pytest.CaptureFixture[str], slot: str
) -> None:
    """Exit code 1, and the engine's own words."""
    opened.broken = slot
    assert check(Config(server=LOCAL)) == 1
    told = capsys.readouterr().out
    assert told.count("FAILED") == 1
    assert "no model file" in told
    assert "1 failed" in told


async def test_an_engine_with_a_bug_is_reported(opened: OpenedEngines) -> None:
    """As what it is; a check never breaks off."""
    opened.broken, opened.error = "text", ZeroDivisionError("x")
    row = (await found(Config(server=LOCAL)))["text auto"]
    assert (row.good, row.note) == (False, "ZeroDivisionError: x")


async def test_a_port_in_use_is_reported(opened: OpenedEngines) -> None:
    """It may well be voiceserver itself."""
    with bound_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        row = (await found(Config(server=ServerConfig(port=port))))["address"]
    assert not row.good
    assert "in use" in row.note


@pytest.mark.net
@pytest.mark.parametrize(
    ("fault", "pin", "good", "words"),
    [
        ("ok", "", True, "not pinned"),
        ("ok", "ok", True, "model is ok"),
        ("stream:refuses max_tokens", "", True, "without what it refuses: max_tokens"),
        ("think", "", True, "words after"),
        ("wrong-model", "ok", False, "another model answers"),
        ("401", "", False, "refused the key"),
        ("404", "", False, "address or the model"),
        ("302", "", False, "not followed"),
        ("500", "", False, "has a fault"),
        ("html", "", False, "not a stream"),
    ],
)
async def test_a_text_provider_is_proved_by_an_answer(
    opened: OpenedEngines,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    pin: str,
    good: bool,
    words: str,
) -> None:
    """With its key, which is never shown, and its pin."""
    monkeypatch.setenv("VS_TEST_KEY", "canary")
    async with FaultyTextServer() as server:
        provider = TextProvider(
            "p", server.base_url, fault, "VS_TEST_KEY", expect_model=pin
        )
        config = Config(server=LOCAL, text=TextConfig(provider=(provider,)))
        row = (await found(config))["text p"]
    assert server.requests[0].headers["authorization"] == "Bearer canary"
    assert row.good == good
    assert words in row.note
    assert "canary" not in row.note


@pytest.mark.parametrize(
    ("first_ms", "own_ms", "tier", "words"),
    [
        (550, 0, "simple", ""),
        (900, 0, "complex", ""),
        (900, 0, "simple", "text_first_ms = 600: it would mostly be passed over; set"),
        (1300, 0, "complex", "text_first_complex_ms = 1200"),
        (1300, 1000, "simple", "its first_ms = 1000"),
        (900, 0, "simple", "first_ms = 1400 in its [[text.provider]]"),
        (2500, 0, "simple", "and [budget] text_words_ms = 3800 at least"),
    ],
)
def test_first_words_that_come_late_are_told_with_what_to_set(
    first_ms: float, own_ms: int, tier: Any, words: str
) -> None:
    """By the limit that holds for the provider: its own, or its tier's."""
    provider = TextProvider("p", "http://a/v1", "m", tier=tier, first_ms=own_ms)
    told = text_is_late(first_ms, provider, BudgetConfig())
    assert words in told and bool(words) == bool(told)


@pytest.mark.net
@pytest.mark.parametrize(
    ("fault", "good", "words"),
    [("", True, "first audio"), ("401", False, "refused"), ("wav", False, "PCM")],
)
async def test_a_speech_provider_is_proved_by_a_word(
    opened: OpenedEngines, fault: str, good: bool, words: str
) -> None:
    """Address, key, voice and format."""
    async with FaultySpeechServer(fault) as server:
        provider = SpeechProvider("s", server.base_url + "/v1", "tts-1")
        config = Config(server=LOCAL, speech=SpeechConfig(provider=(provider,)))
        row = (await found(config))["speech s"]
    assert row.good == good
    assert words in row.note


@pytest.mark.net
@pytest.mark.parametrize(
    ("fault", "text", "good", "words"),
    [
        ("", "One, two, three.", True, "words after"),
        ("", "", False, "heard no words in 'One, two, three.'"),
        ("401", "", False, "refused the key"),
        ("html", "", False, "sent no text"),
    ],
)
async def test_a_recogniser_provider_is_proved_by_a_sentence(
    opened: OpenedEngines, fault: str, text: str, good: bool, words: str
) -> None:
    """Spoken by the server's own voice."""
    async with FaultyTranscriptionServer(text, fault) as server:
        provider = RecogniserProvider("r", server.base_url, "whisper-1")
        config = Config(server=LOCAL, recogniser=RecogniserConfig(provider=(provider,)))
        row = (await found(config))["recogniser r"]
    assert row.good == good
    assert words in row.note


@pytest.mark.net
@pytest.mark.parametrize(
    ("dialect", "path"), [("deepgram", ""), ("openai_realtime", "/v1")]
)
@pytest.mark.parametrize(
    ("fault", "good", "words"),
    [("", True, "words after"), ("401", False, "refused the key")],
)
async def test_a_service_that_hears_while_somebody_speaks_is_proved_too(
    opened: OpenedEngines,
    dialect: Literal["deepgram", "openai_realtime"],
    path: str,
    fault: str,
    good: bool,
    words: str,
) -> None:
    """By the same sentence."""
    async with FaultyLiveServer("one", fault) as server:
        ears = RecogniserProvider("r", server.base_url + path, "m", dialect)
        config = Config(server=LOCAL, recogniser=RecogniserConfig(provider=(ears,)))
        row = (await found(config))["recogniser r"]
    assert row.good == good
    assert words in row.note


@pytest.mark.net
async def test_a_provider_that_is_away_is_reported(opened: OpenedEngines) -> None:
    """In words."""
    with bound_socket("127.0.0.1", 0) as unused:
        url = address_of(unused) + "/v1"
    row = (await found(with_provider(url)))["text p"]
    assert not row.good
    assert "cannot be reached (Connection refused)" in row.note


async def test_a_key_that_is_missing_is_reported(opened: OpenedEngines) -> None:
    """With the variable to set."""
    row = (await found(with_provider("http://127.0.0.1:1/v1", "VS_NO_KEY")))["text p"]
    assert not row.good
    assert "VS_NO_KEY" in row.note
    await asyncio.sleep(0)


async def test_the_telephones_part_is_tried(opened: OpenedEngines) -> None:
    """Who must show who they are, where services are sent, and AudioSocket's port."""
    with bound_socket("127.0.0.1", 0) as taken:
        config = Config(
            server=LOCAL,
            telephony=TelephonyConfig(public_url="http://voice.example.org"),
            audiosocket=AudioSocketConfig(port=taken.getsockname()[1]),
        )
        found_rows = await found(config)
    assert found_rows["telephony"].good
    assert "takes anybody" in found_rows["telephony"].note
    assert "without TLS" in found_rows["telephony"].note
    assert not found_rows["audiosocket"].good
    missing = Config(server=LOCAL, telephony=TelephonyConfig(token_env="NOT_SET"))
    row = (await found(missing))["telephony"]
    assert (row.good, "NOT_SET is not set" in row.note) == (False, True)


def test_what_bounds_the_cost_is_told() -> None:
    """Where it is 0 that is no bound at all, which may not have been meant."""
    bounded = BudgetConfig(max_usd_per_call=0.1, max_usd_per_day=5.0)
    assert money(bounded) == "at most $0.1 a call, $5 a day"
    assert "nothing bounds what providers cost" in money(BudgetConfig())


async def test_money_is_told_where_a_provider_has_a_price(
    opened: OpenedEngines,
) -> None:
    """Of text, or by the minute."""
    free = await found(with_provider("http://127.0.0.1:9/v1"))
    dear = TextProvider("p", "http://127.0.0.1:9/v1", "m", price_out=1.0)
    priced = await found(Config(server=LOCAL, text=TextConfig(provider=(dear,))))
    assert "money" not in free and priced["money"].good


async def test_who_is_asked_about_calls_is_tried(
    opened: OpenedEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its secret; and that calls come at all."""
    webhook = CallWebhookConfig("https://app.example.org/calls", "VS_WEBHOOK")
    config = Config(server=LOCAL, sip=SipConfig(webhook=webhook))
    monkeypatch.delenv("VS_WEBHOOK", raising=False)
    row = (await found(config))["sip webhook"]
    assert (row.good, "openssl rand" in row.note) == (False, True)
    monkeypatch.setenv("VS_WEBHOOK", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    row = (await found(config))["sip webhook"]
    assert (row.good, "no call comes" in row.note) == (True, True)


async def test_telephones_by_sip_answer_themselves(opened: OpenedEngines) -> None:
    """Over the very sockets of the server; where they are taken it says by what."""
    pytest.importorskip("aiosipua")
    port = free_port()
    config = Config(server=LOCAL, sip=SipConfig(port=port))
    rows = await found(config)
    assert rows["sip"].good
    assert f"answers itself at 127.0.0.1:{port}" in rows["sip"].note
    assert rows["sip call"] == Row("sip call", True, "rings itself, and audio comes")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", port))
        row = (await found(config))["sip"]
    assert (row.good, "cannot listen at UDP" in row.note) == (False, True)
