"""The operator's page in a real browser, state by state, over scripted answers.

``VOICESERVER_SCREENSHOTS`` names a folder to keep pictures in.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tests.browser import Chromium, Look
from tests.page.test_page import DARK_PHONE, picture
from voiceserver.server.page import add_page, page_files

pytestmark = pytest.mark.net
NOW_S = 1_800_000_000


def a_turn(at: int, first_ms: int, **more: Any) -> dict[str, Any]:
    text_ms = max(10, first_ms - 120)
    times = [
        ("recognition", 0, 30),
        ("text", 30, text_ms),
        ("speech", 30 + text_ms, 60),
    ]
    stages = [
        {"stage": name, "began_ms": began, "planned_ms": 350, "spent_ms": spent,
         "outcome": "late" if spent > 350 else "ok"}
        for name, began, spent in times
    ]  # fmt: skip
    return {
        "call": f"rtc_{at % 3}", "carrier": "webrtc", "at": NOW_S + at, "turn": at,
        "endpoint": "complete", "endpoint_ms": 320, "answered_by": "azure-mini",
        "spoken_by": "neural", "outcome": "completed", "blame": "", "steps": [],
        "speculation": "held", "target_ms": 900, "first_audio_ms": first_ms,
        "any_audio_ms": first_ms, "cost_usd": 0.0004, "seconds": 7.5, "stages": stages,
        "tier": "complex" if at % 4 == 0 else "simple",
        "tier_reasons": ["weighs", "length"] if at % 4 == 0 else ["greets"],
        "confidence": 0.35 + 0.06 * (at % 10), "confidence_source": "logprobs+text",
    } | more  # fmt: skip


IDLE: dict[str, Any] = {
    "object": "process", "process": 1, "version": "0.3.0", "up_s": 4000, "calls": [],
    "max_calls": 8, "turns": [], "cost_by_hour": [], "max_usd_per_day": 20.0,
    "problems": [], "shadow": [], "load": "normal", "alarms": [], "providers": [],
    "engines": {"recogniser": "whisper", "text": "responder", "speech": "neural"},
}  # fmt: skip
PROVIDER = {
    "object": "provider", "slot": "text", "name": "azure-mini",
    "region": "swedencentral",
    "state": "closed", "drift": [],
}  # fmt: skip
ALARM = {
    "type": "voiceserver.drift", "provider": "azure-mini", "signal": "first_words",
    "on": True, "usual": 240.0, "now": 610.0, "answers": 30, "sigmas": 6.1,
}  # fmt: skip
BUSY: dict[str, Any] = IDLE | {
    "calls": [
        {"id": "rtc_1", "carrier": "webrtc", "seconds": 71.2, "turns": 4,
         "cost_usd": 0.0013, "turn": {"seconds": 0.4} | a_turn(1, 240)},
        {"id": "rtc_2", "carrier": "telephony", "seconds": 9.0, "turns": 0,
         "cost_usd": 0.0, "turn": None},
    ],
    "turns": [
        a_turn(at, 180 + 37 * (at % 9)) for at in range(40)
    ] + [a_turn(41, 1300, blame="text", steps=["filler", "next_model"],
                answered_by="strong")],
    "cost_by_hour": [{"hour": NOW_S + 3600 * n, "usd": 0.01 + 0.004 * n,
                      "key": "3fc9a1" if n % 3 else ""}
                     for n in range(12)],
    "alarms": [ALARM],
    "providers": [PROVIDER | {"drift": [ALARM]},
                  PROVIDER | {"name": "strong", "state": "drained", "region": ""}],
    "shadow": [{"name": "new-moe", "version": "v2", "answers": 140, "wins": 80,
                "ties": 30, "rate": 0.68, "low": 0.6, "high": 0.75, "failed": 0.0,
                "first_ms": 180.0, "live_first_ms": 240.0, "cost_usd": 0.00004,
                "live_cost_usd": 0.0003, "advice": "promote"}],
    "reliability": [{"provider": "cheap", "model": "m", "source": "logprobs+text",
                     "answers": 500, "ece_after": 0.025,
                     "reliability": [[0.36, 0.31, 80], [0.55, 0.6, 140],
                                     [0.74, 0.7, 160], [0.9, 0.93, 120]]}],
    "problems": [{"at": NOW_S + 3, "level": "warning",
                  "line": "a provider failed provider=strong kind=late"}],
}  # fmt: skip

AWAY: dict[str, Any] = BUSY | {
    "calls": [], "load": "lean", "alarms": [ALARM, ALARM | {"signal": "pin"}],
    "turns": [a_turn(at, 1500 + at, blame="text",
                     steps=["text.filler", "text.next_provider"])
              for at in range(30)],
    "providers": [
        PROVIDER | {"state": "open", "drift": [ALARM]},
        PROVIDER | {"name": "a-provider-with-a-rather-long-name-eu-west-3",
                    "region": "francecentral", "state": "misconfigured"}],
    "problems": [{"at": NOW_S + at, "level": "error" if at % 5 == 0 else "warning",
                  "line": "a provider failed provider=strong kind=late reason=no "
                          "first words within 1.2 s"} for at in range(30)],
}  # fmt: skip
CAPPED: dict[str, Any] = BUSY | {
    "max_usd_per_day": 0.3, "alarms": [], "shadow": [],
    "turns": [a_turn(at, 240, answered_by="responder", steps=["money.unpaid"],
                     tier="", tier_reasons=[], cost_usd=0.0, confidence=None)
              for at in range(30)],
}  # fmt: skip
HEALTHY = BUSY | {"process": 2, "host": "b", "providers": [PROVIDER]}
# How it is looked at, what is told, and what must be read there.
STATES = {
    "empty": (Look(1280, 1300), [IDLE], ("No turn was routed.", "Nothing was spent")),
    "dark": (Look(1280, 2300, dark=True), [BUSY], ("first words 240 → 610",)),
    "degraded": (
        Look(1280, 2300),
        [AWAY, HEALTHY],
        ("another model answers", "open in 1 of 2", "2 on b", "lean"),
    ),
    "capped": (Look(1280, 2000), [CAPPED], ("today, of $0.30", "money.unpaid")),
    "phone-degraded": (Look(390, 4300, mobile=True), [AWAY], ("misconfigured",)),
}
# What is cut off at the right, and bars that are too short to be read.
CUT_OFF = """
[...document.querySelectorAll('#providers button, .row .track')].filter(one => {
  const box = one.getBoundingClientRect();
  return box.right > innerWidth || one.matches('.track') && box.width < 60;
}).length
"""


class Told:
    """A server that tells what a test says."""

    def __init__(self) -> None:
        self.url = ""
        self.data: list[dict[str, Any]] = [IDLE]
        self.key = ""
        self.done: list[str] = []

    async def ops(self, request: web.Request) -> web.Response:
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({}, status=401)
        return web.json_response({"object": "list", "data": self.data})

    async def act(self, request: web.Request) -> web.Response:
        self.done.append(request.path)
        return web.json_response({})


@asynccontextmanager
async def told() -> AsyncIterator[Told]:
    server = Told()
    app = web.Application()
    add_page(app, page_files())
    app.router.add_get("/v1/ops", server.ops)
    app.router.add_post("/v1/providers/{slot}/{name}/{what}", server.act)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}/ops"
    try:
        yield server
    finally:
        await runner.cleanup()


SEEN = "document.body.innerText"
WIDER = "document.documentElement.scrollWidth > innerWidth"


async def test_a_server_in_use_is_seen_at_a_glance(browser: Chromium) -> None:
    """Calls, times, alarms, providers that are drained by a click."""
    async with told() as server, browser.page(Look(1280, 1500)) as page:
        await page.navigate(server.url)
        await page.wait_for(f"{SEEN}.includes('Nobody is calling')")
        await picture(page, "ops-idle")
        server.data = [BUSY, copy.deepcopy(IDLE) | {"process": 2}]
        await page.wait_for(f"{SEEN}.includes('rtc_2')")
        text = await page.evaluate(SEEN)
        for part in ("2 / 16", "98 %", "first words 240 → 610", "new-moe", "promote",
                     "late: text", "kind=late", "2 processes",
                     "complex: weighs", "30 to 40 %",
                     "cheap was calibrated", "31 % of 80",
                     "$0.0032", "a minute, beside $0.06"):  # fmt: skip
            assert part in text, part
        await picture(page, "ops-busy")
        assert not await page.evaluate(WIDER)
        await page.click("#providers button")
        await page.wait_for("true")
        for _ in range(100):
            if server.done:
                break
            await page.evaluate("new Promise(done => setTimeout(done, 20))")
        assert server.done == ["/v1/providers/text/azure-mini/drain"]
        await page.evaluate(
            "const box = document.getElementById('find');"
            "box.value = 'rtc_2'; box.dispatchEvent(new Event('input'))"
        )
        ids = "[...document.querySelectorAll('#turns .id')].map(one => one.textContent)"
        assert {one.split(" ")[0] for one in await page.evaluate(ids)} == {"rtc_2"}


async def test_it_fits_a_phone_in_the_dark_and_asks_for_the_key(
    browser: Chromium,
) -> None:
    """Then goes on by itself."""
    async with told() as server, browser.page(DARK_PHONE) as page:
        server.key, server.data = "secret-key", [BUSY]
        await page.navigate(server.url)
        await page.wait_for(f"{SEEN}.includes('asks for its API key')")
        await page.evaluate(
            "const box = document.getElementById('key');"
            "box.value = 'secret-key'; box.dispatchEvent(new Event('change'))"
        )
        await page.wait_for(f"{SEEN}.includes('rtc_2')")
        await picture(page, "ops-phone")
        assert not await page.evaluate(WIDER)


@pytest.mark.parametrize("state", STATES)
async def test_every_state_can_be_read(state: str, browser: Chromium) -> None:
    """Nothing is cut off, and bars are long enough to tell them apart."""
    look, data, parts = STATES[state]
    async with told() as server, browser.page(look) as page:
        server.data = data
        await page.navigate(server.url)
        await page.wait_for(f"{SEEN}.includes('As of')")
        text = await page.evaluate(SEEN)
        for part in parts:
            assert part in text, part
        assert not await page.evaluate(WIDER)
        assert await page.evaluate(CUT_OFF) == 0
        await picture(page, f"ops-{state}")
