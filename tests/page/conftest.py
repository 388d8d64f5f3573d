"""One browser for all tests of a page; each has a page of its own in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import Chromium, chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Chromium]:
    """A browser whose microphone beeps."""
    with chromium() as running:
        yield running
