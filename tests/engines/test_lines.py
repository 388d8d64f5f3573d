"""Lines spoken beforehand."""

from __future__ import annotations

from voiceserver.engines.lines import LINES, LineCache


def test_a_line_is_kept_for_its_voice_and_speed() -> None:
    """Another voice has not spoken it."""
    cache: LineCache[str] = LineCache()
    cache.keep("Hmm.", "alloy", 1.0, ("hm",))
    assert cache.get("Hmm.", "alloy", 1.0) == ("hm",)
    assert cache.get("Hmm.", "echo", 1.0) is None
    assert cache.get("Hmm.", "alloy", 1.5) is None


def test_the_oldest_lines_are_forgotten() -> None:
    """A client that tries every speed fills no memory."""
    cache: LineCache[str] = LineCache()
    for number in range(LINES + 1):
        cache.keep("Hmm.", "alloy", float(number), ("hm",))
    assert cache.get("Hmm.", "alloy", 0.0) is None
    assert cache.get("Hmm.", "alloy", float(LINES)) == ("hm",)
