"""What the text model may know."""

from __future__ import annotations

from voiceserver.history import History


def test_a_cut_reply_keeps_what_was_heard() -> None:
    """The rest leaves the model's context."""
    history = History()
    history.add("user", "tell me a story")
    history.reply(1, "Once upon a time there was")
    history.cut(1, "Once upon ")
    assert [said.text for said in history.messages()] == [
        "tell me a story",
        "Once upon",
    ]


def test_a_reply_nobody_heard_was_not_said() -> None:
    """It is removed."""
    history = History()
    history.reply(1, "Hello")
    history.cut(1, "  ")
    assert history.messages() == ()


def test_neighbours_of_one_speaker_are_joined() -> None:
    """Who was cut short and went on has said one thing."""
    history = History()
    history.add("user", "what is twelve times")
    history.add("user", "seven")
    [said] = history.messages()
    assert said.text == "what is twelve times seven"
    assert history.awaits_answer


def test_system_messages_stay_apart() -> None:
    """They are instructions, not speech."""
    history = History()
    history.add("system", "a")
    history.add("system", "b")
    assert len(history.messages()) == 2


def test_the_oldest_are_forgotten() -> None:
    """Both bounds hold, however long the talk or one message of it."""
    history = History(max_messages=3, max_characters=20)
    for turn in range(1, 9):
        history.add("user", f"u{turn}")
        history.reply(turn, f"a{turn}")
    assert [said.text for said in history.messages()] == ["a7", "u8", "a8"]
    history.add("user", "x" * 100)
    assert sum(len(said.text) for said in history.messages()) <= 20


def test_empty_messages_are_left_out() -> None:
    """Nothing said is no message."""
    history = History()
    history.add("user", "")
    history.reply(1, "")
    assert history.messages() == ()
    assert not history.awaits_answer
