"""Lines spoken beforehand."""

from __future__ import annotations

from voiceserver.engines.lines import VOICES, LineCache


def test_a_line_is_kept_for_its_voice_and_speed() -> None:
    """Another voice has not spoken it."""
    cache: LineCache[str] = LineCache()
    cache.keep("Hmm.", "alloy", 1.0, ("hm",))
    assert cache.get("Hmm.", "alloy", 1.0) == ("hm",)
    assert cache.get("Hmm.", "echo", 1.0) is None
    assert cache.get("Hmm.", "alloy", 1.5) is None


def test_every_line_of_every_voice_is_kept() -> None:
    """Six lines in thirteen voices, each spoken by another call."""
    cache: LineCache[str] = LineCache()
    said = [(f"line {n}", f"voice {m}") for m in range(13) for n in range(6)]
    for text, voice in said:
        cache.keep(text, voice, 1.0, (text,))
    assert all(cache.get(text, voice, 1.0) == (text,) for text, voice in said)


def test_the_voice_that_was_asked_for_the_longest_ago_is_forgotten() -> None:
    """With all its lines: a client that tries every speed fills no memory."""
    cache: LineCache[str] = LineCache()
    for number in range(VOICES + 1):
        cache.keep("Hmm.", "alloy", float(number), ("hm",))
        cache.keep("Sorry.", "alloy", float(number), ("sorry",))
    assert cache.get("Hmm.", "alloy", 0.0) is None
    assert cache.get("Sorry.", "alloy", 0.0) is None
    assert cache.get("Hmm.", "alloy", float(VOICES)) == ("hm",)


def test_a_call_in_progress_keeps_its_lines() -> None:
    """Each of its phrases asks for one, whether it is there or not."""
    cache: LineCache[str] = LineCache()
    cache.keep("Sorry.", "alloy", 1.0, ("sorry",))
    for number in range(2 * VOICES):
        assert cache.get("An answer.", "alloy", 1.0) is None
        cache.keep("Sorry.", "echo", float(number), ("sorry",))
    assert cache.get("Sorry.", "alloy", 1.0) == ("sorry",)
