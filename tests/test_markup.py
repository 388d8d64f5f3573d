"""Markup is blanked out in place, however the text arrives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.markup import Markup
from voiceserver.phrases import PhraseSplitter
from voiceserver.voice.text.normalise import normalise

_LINES = (
    "Here is how.|```python|print('no. really')|x = 1; y = 2|```|   ```|~~~|~~~ sh|"
    "And that is all. Then go on|- one|* two|1. three|> said he|# Heading|---|***|"
    "a **bold. Word** here|*begins|ends* here|| a | b |||---|---||"
    "[a link. Yes](http://x.y/z) after|use `code` here|so ```x = 1``` after|5 * 3 = 15|"
    "2 - 1|<b>fat</b>|"
    "a < b|![image](a.png)|see [8] and [9|what! [ no|snake_case and __init__|"
    "~5 ~~gone~~|`|"
    "``|> ```|- ```sh|===|an *|_"
).split("|")
_TEXT = st.lists(st.sampled_from(_LINES), max_size=8).map("\n".join)


def blanked(text: str, cuts: list[int]) -> str:
    markup = Markup()
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    out, start = "", 0
    for end in ends:
        out += markup.push(text[start:end])
        start = end
    return out + markup.flush()


def spoken(text: str, cuts: list[int]) -> list[str]:
    splitter = PhraseSplitter()
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    phrases, start = [], 0
    for end in ends:
        phrases += splitter.push(text[start:end])
        start = end
    phrases += splitter.flush()
    for phrase in phrases:
        source = text[phrase.start : phrase.start + len(phrase.text)]
        assert all(a in (b, " ") for a, b in zip(phrase.text, source, strict=True))
    return [word for phrase in phrases for word in normalise(phrase.text).words]


@settings(max_examples=500, deadline=None)
@given(_TEXT, st.lists(st.integers(0, 150), max_size=12))
def test_cuts_change_nothing(text: str, cuts: list[int]) -> None:
    """Any stream of a text is blanked as the text is; its length stays."""
    whole = blanked(text, [])
    assert blanked(text, cuts) == whole
    assert len(whole) == len(text)


@settings(max_examples=300, deadline=None)
@given(_TEXT, st.lists(st.integers(0, 150), max_size=12))
def test_the_stream_is_spoken_as_the_whole(text: str, cuts: list[int]) -> None:
    """Phrase by phrase, in any pieces, the words are those of the text at once."""
    assert spoken(text, cuts) == list(normalise(text).words)


@given(_TEXT)
def test_what_is_not_shown_is_counted(text: str) -> None:
    """Every letter is shown or told as left out; web addresses of links apart."""
    text = text.replace("http://x.y/z", "").replace("a.png", "").replace("b>", ">")
    splitter = PhraseSplitter()
    phrases = [*splitter.push(text), *splitter.flush()]
    letters = sum(c.isalnum() for c in text)
    shown = sum(c.isalnum() for phrase in phrases for c in phrase.text)
    assert shown <= letters <= shown + splitter.left_out


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Do this.\n```py\nx = 1. y\n```\nThen go.", "do this then go"),
        ("Do this: ```py\nx. y\n```\nThen go.", "do this then go"),
        ("Do this:\n1. A\n   ```\n   x. y\n   ```\n2. B", "do this one A two B"),
        ("````\n```\nx\n```\n````\nThen go.", "then go"),
        ("So **very\nbold** it is.", "so very bold it is"),
        ("| a | b |\n|---|---|\n| c | d |", "a B C D"),
        ("[Read on. Now](http://a.b/c?d) please.", "read on now please"),
        (
            "Ticks ``` alone stay. So does this.\nYes.",
            "ticks alone stay so does this yes",
        ),
    ],
)
def test_markup_across_phrases(text: str, words: str, size: int) -> None:
    """Code is never read aloud, and what comes after it is never lost."""
    assert spoken(text, list(range(0, len(text), size))) == words.lower().split()
