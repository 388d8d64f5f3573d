"""The page shows an order as it forms."""

from __future__ import annotations

import json

import pytest

from tests.browser import Chromium
from tests.page.fake_server import FakeServer
from tests.page.test_page import begin, picture

pytestmark = pytest.mark.net

ORDER = "document.querySelector('#order')"


async def test_an_order_forms_beside_the_talk(
    server: FakeServer, browser: Chromium
) -> None:
    """Slot by slot, changed and done; text is text, and an idle kiosk shows none."""
    forms = [
        ("confirming", {"drink": "latte"}, "coffee bardrinklatte"),
        (
            "confirming",
            {"drink": "<b>mocha</b>", "oat_milk": "some"},
            "coffee bardrink<b>mocha</b>oat milksome",
        ),
        ("done", {"drink": "mocha"}, "coffee bar \u2713drinkmocha"),
    ]
    async with browser.page() as page:
        await begin(page, server)
        assert await page.evaluate(f"{ORDER}.hidden")
        for stage, slots, shown in forms:
            form = {"name": "coffee bar", "slots": slots, "stage": stage}
            server.tell("voiceserver.form.updated", form=form)
            await page.wait_for(f"{ORDER}.textContent === {json.dumps(shown)}")
            assert not await page.evaluate(f"{ORDER}.hidden")
        await picture(page, "order")
        idle = {"name": "coffee bar", "slots": {}, "stage": "idle"}
        server.tell("voiceserver.form.updated", form=idle)
        await page.wait_for(f"{ORDER}.hidden")
        assert page.complaints == []
