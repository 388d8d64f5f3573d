"""The operator's questions: read strictly, with errors that name the place."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from voiceserver.engines.responder.questions import MAX_FILE_BYTES, Question, fill, load
from voiceserver.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 23, 15, 7)


def read(folder: Path, text: str) -> tuple[Question, ...]:
    path = folder / "questions.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_questions_are_read(tmp_path: Path) -> None:
    """One wording or several."""
    questions = read(
        tmp_path,
        """
        [[question]]
        ask = ["where is the exit", "how do i get out"]
        answer = "Over there."
        [[question]]
        ask = "who owns this place"
        answer = "The people of {name}, for {age:1999-12-31} years."
        """,
    )
    assert [q.ask for q in questions] == [
        ("where is the exit", "how do i get out"),
        ("who owns this place",),
    ]
    assert questions[0].answer == "Over there."


def test_an_empty_file_has_no_questions(tmp_path: Path) -> None:
    """It is no error."""
    assert read(tmp_path, "") == ()


GOOD = '[[question]]\nask = "a b"\nanswer = "c"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[question", "is not TOML"),
        ('title = "x"', "unknown key 'title'"),
        ('[question]\nask = "a"\nanswer = "b"', r"\[\[question\]\]"),
        ('[[question]]\nask = "a"', "question 1: answer is missing"),
        ('[[question]]\nanswer = "a"', "question 1: ask is missing"),
        (GOOD + '[[question]]\nask = "x"\nanswr = "y"', "question 2: .*'answr'"),
        ('[[question]]\nask = []\nanswer = "b"', "question 1: ask must be"),
        ('[[question]]\nask = 7\nanswer = "b"', "question 1: ask must be"),
        ('[[question]]\nask = ["?"]\nanswer = "b"', "ask: '\\?' has no words"),
        ('[[question]]\nask = [7]\nanswer = "b"', "ask: 7 has no words"),
        ('[[question]]\nask = "a"\nanswer = " "', "answer must be text"),
        ('[[question]]\nask = "a"\nanswer = ["b"]', "answer must be text"),
        ('[[question]]\nask = "a"\nanswer = "{tme}"', r"placeholder \{tme\}; allowed"),
        ('[[question]]\nask = "a"\nanswer = "{age:1}"', "placeholder"),
        ('[[question]]\nask = "a"\nanswer = "{last}"', "placeholder"),
        ('[[question]]\nask = "a"\nanswer = "a { b"', "brace"),
        (f'[[question]]\nask = "{"a " * 21}"\nanswer = "b"', "more than 20 words"),
        (f'[[question]]\nask = "a"\nanswer = "{"b" * 1001}"', "longer than 1000"),
        (GOOD + GOOD, "question 2: ask: 'a b' is asked in question 1"),
        (GOOD * 1001, "more than 1000 questions"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    """File, question, key and what is allowed."""
    with pytest.raises(ConfigError, match=message) as caught:
        read(tmp_path, text)
    assert "questions.toml" in str(caught.value)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    """Absent, a folder, not text, or far too large."""
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="directory"):
        load(tmp_path)
    (tmp_path / "a").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than"):
        load(tmp_path / "b")


def test_placeholders_are_filled() -> None:
    """From the moment and from the texts given."""
    answer = "{time}, {date}, {day}, {year}, {part_of_day}, {name}, {age:1883-05-24}"
    assert fill(answer, NOW, {"name": "desk"}) == (
        "3:07 PM, Monday, November 23rd, 2026, Monday, 2026, afternoon, desk, 143"
    )


def test_the_example_can_be_read() -> None:
    """The file that operators copy is right."""
    assert load(ROOT / "examples" / "questions.toml")
