"""One browser for all tests of a page; each has a page and a server of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.browser import Chromium, chromium
from tests.page.fake_server import FakeServer


@pytest.fixture(scope="package")
def browser() -> Iterator[Chromium]:
    """A browser whose microphone beeps."""
    with chromium() as running:
        yield running


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    """What the page talks to."""
    fake = FakeServer()
    await fake.start()
    yield fake
    await fake.stop()
