"""What the text model may know."""

from __future__ import annotations

from voiceserver.session.history import History, Said
from voiceserver.tools import ToolCall


def test_a_cut_reply_keeps_what_was_heard() -> None:
    """The rest leaves the model's context."""
    history = History()
    history.add(Said("user", "tell me a story"))
    history.add(Said("assistant", "Once upon a time there was", "t1"))
    history.cut("t1", "Once upon ")
    assert [said.text for said in history.messages()] == [
        "tell me a story",
        "Once upon",
    ]


def test_a_reply_nobody_heard_was_not_said() -> None:
    """It is left out, until the client says that more was heard."""
    history = History()
    history.add(Said("assistant", "Hello", "t1"))
    history.cut("t1", "  ")
    assert history.messages() == ()
    history.cut("t1", "Hello")
    assert len(history.messages()) == 1


def test_neighbours_of_one_speaker_are_joined() -> None:
    """Who was cut short and went on has said one thing."""
    history = History()
    history.add(Said("user", "what is twelve times"))
    history.add(Said("user", "seven"))
    [said] = history.messages()
    assert said.text == "what is twelve times seven"
    assert history.awaits_answer


def test_system_messages_stay_apart() -> None:
    """They are instructions, not speech."""
    history = History()
    history.add(Said("system", "a"))
    history.add(Said("system", "b"))
    assert len(history.messages()) == 2


def test_the_oldest_are_forgotten() -> None:
    """Both bounds hold, however long the talk or one message of it."""
    history = History(max_messages=3, max_characters=20)
    for turn in range(1, 9):
        history.add(Said("user", f"u{turn}"))
        history.add(Said("assistant", f"a{turn}", f"t{turn}"))
    assert [said.text for said in history.messages()] == ["u8", "a8"]
    history.add(Said("user", "x" * 100))
    assert sum(len(said.text) for said in history.messages()) <= 20


def test_empty_messages_are_left_out() -> None:
    """Nothing said is no message."""
    history = History()
    history.add(Said("user", ""))
    history.add(Said("assistant", "", "t1"))
    assert history.messages() == ()
    assert not history.awaits_answer


def test_place_and_deletion_go_by_key() -> None:
    """The front, after another, the end; a key that is gone is the end."""
    history = History()
    for key, after in (("b", None), ("a", ""), ("c", "b"), ("d", "gone")):
        history.add(Said("system", key, key), after)
    assert [said.text for said in history.messages()] == ["a", "b", "c", "d"]
    history.delete("b")
    assert [said.text for said in history.messages()] == ["a", "c", "d"]


def test_results_follow_their_calls_at_once() -> None:
    """Chat services demand it, whatever the user said in between."""
    history = History()
    for call_id in ("1", "2"):
        call = ToolCall(call_id, "look", "{}")
        history.add(Said("assistant", "", f"f{call_id}", (call,)))
    history.add(Said("assistant", "One moment.", "t1"))
    history.add(Said("user", "hurry", "u2"))
    history.add(Said("tool", "two", "c2", call_id="2"))
    history.add(Said("tool", "one", "c1", call_id="1"))
    history.add(Said("assistant", "Done.", "t2"))
    told = [(said.role, said.text) for said in history.messages()]
    assert told == [
        ("assistant", ""),
        ("tool", "one"),
        ("tool", "two"),
        ("assistant", "One moment."),
        ("user", "hurry"),
        ("assistant", "Done."),
    ]
    assert len(history.messages()[0].calls) == 2


def test_call_without_result_and_result_without_call_are_left_out() -> None:
    """The words beside the call stay."""
    history = History()
    call = ToolCall("1", "look", "{}")
    history.add(Said("assistant", "I look.", "t1", (call,)))
    history.add(Said("tool", "lost", "c9", call_id="9"))
    [said] = history.messages()
    assert (said.text, said.calls) == ("I look.", ())


def test_words_go_where_their_place_was_kept() -> None:
    """Behind what came before, in front of what was added meanwhile."""
    history = History()
    history.add(Said("user", "", "u1"))
    history.add(Said("system", "then", "c1"), "u1")
    history.add(Said("system", "last", "c2"))
    history.fill("u1", "first")
    assert [said.text for said in history.messages()] == ["first", "then", "last"]


def test_words_of_a_deleted_place_go_nowhere() -> None:
    """Whoever withdraws an item withdraws what is still being recognised."""
    history = History()
    history.add(Said("user", "", "u1"))
    history.delete("u1")
    history.fill("u1", "secret")
    assert history.messages("secret", "u1") == ()
    assert history.messages() == ()
