"""One way to refuse a value."""

from __future__ import annotations

import pytest

from voiceserver.config.checks import require


def test_what_may_not_stay_is_refused_in_the_words_given() -> None:
    """The reader of the file adds the name of the table."""
    require(True, "port must be 0..65535")
    with pytest.raises(ValueError, match=r"^port must be 0\.\.65535$"):
        require(False, "port must be 0..65535")
