"""A language model's process, without the process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engines.llm.scripted import ANSWER, Letters, Lines
from voiceserver.engines.llm.jobs import (
    READ_AT_ONCE,
    LanguageJob,
    LanguageJobs,
    Limits,
    load,
)
from voiceserver.errors import EngineFailed
from voiceserver.processes.ipc import Kind, Meta


def asked(
    jobs: LanguageJobs, *said: str, most: int = 0, credit: int = 99
) -> LanguageJob:
    job = jobs.open({"most": most, "credit": credit})
    roles = ("user", "assistant")
    chat = [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)]
    body = json.dumps({"messages": chat}).encode()
    job.push(body[:5])
    job.push(body[5:])
    assert job.urgency is None
    job.finish()
    return job


def to_the_end(job: LanguageJob) -> tuple[str, Meta]:
    """Return text and last meta."""
    text = ""
    for _ in range(500):
        kind, meta, body = job.step()
        text += body.decode()
        if kind is Kind.END:
            return text, meta
    raise AssertionError("it does not end")


def test_an_answer_comes_token_by_token_with_its_probabilities() -> None:
    """And ends where the model ends it."""
    job = asked(LanguageJobs(Letters(), Lines(), Limits()), "Is it?")
    kind, meta, body = job.step()
    assert (kind, meta, body) == (Kind.ITEM, {"read": 8, "known": 1}, b"")
    kind, meta, body = job.step()
    assert (kind, meta, body) == (Kind.ITEM, {"logprob": -0.5}, b"I")
    assert to_the_end(job) == (ANSWER[1:], {"cut": False})


def test_the_second_turn_reads_only_what_is_new() -> None:
    """The answer was read as it was written."""
    model = Letters()
    jobs = LanguageJobs(model, Lines(), Limits())
    to_the_end(asked(jobs, "Is it?"))
    model.reads.clear()
    to_the_end(asked(jobs, "Is it?", ANSWER, "Sure?"))
    # The template ends a message otherwise than a prompt: from there on it is new.
    assert model.reads[0] == f"|a{ANSWER}|uSure?\n"


def test_the_instructions_are_read_before_the_first_caller_comes() -> None:
    """And are there for every call."""
    model = Letters()
    jobs = LanguageJobs(model, Lines(), Limits(), "Be brief.")
    model.reads.clear()
    job = jobs.open({"most": 0, "credit": 9})
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Well?"},
    ]
    job.push(json.dumps({"messages": chat}).encode())
    job.finish()
    job.step()
    assert model.reads == ["Well?\n"]


def test_a_long_prompt_is_read_in_pieces() -> None:
    """So that a cancel need not wait for all of it; what was read stays."""
    model = Letters()
    jobs = LanguageJobs(model, Lines(), Limits())
    model.reads.clear()
    job = asked(jobs, "word " * 40)
    job.step()
    job.step()
    job.close()
    assert [len(each) for each in model.reads] == [READ_AT_ONCE] * 2
    again = asked(jobs, "word " * 40)
    _, meta, _ = again.step()
    assert meta["known"] == 2 * READ_AT_ONCE + 1


def test_nothing_is_written_ahead_of_its_credit() -> None:
    """Whoever takes no more stops the model."""
    job = asked(LanguageJobs(Letters(), Lines(), Limits()), "Is it?", credit=2)
    for _ in range(3):
        assert job.urgency == 0.0
        job.step()
    assert job.urgency is None
    job.credit(1)
    assert job.urgency == 0.0


@pytest.mark.parametrize(("most", "n"), [(3, 3), (0, 400 - 7 - 1)])
def test_an_answer_is_cut_where_it_must_be(most: int, n: int) -> None:
    """By its bound, or by the context; and says so."""
    job = asked(LanguageJobs(Letters(), Lines(), Limits()), "for ever"[3:], most=most)
    text, meta = to_the_end(job)
    assert (text, meta) == ("…" * (n if most else len(text)), {"cut": True})
    assert len(text) == (3 if most else 400 - len("u ever\n"))


def test_a_turn_that_is_too_long_is_refused_and_the_next_is_answered() -> None:
    """Nothing is left of it, and the engine is well."""
    jobs = LanguageJobs(Letters(), Lines(), Limits())
    kind, meta, _ = asked(jobs, "word " * 100).step()
    assert (kind, meta) == (Kind.END, {"refused": "scripted: too long"})
    assert to_the_end(asked(jobs, "Is it?"))[0] == ANSWER


def test_what_broke_is_not_read_on() -> None:
    """What was computed of it may be anything."""
    model = Letters()
    jobs = LanguageJobs(model, Lines(), Limits())
    before = len(jobs.beginnings)
    with pytest.raises(ZeroDivisionError):
        asked(jobs, "break").step()
    assert len(jobs.beginnings) == before


def test_a_thought_that_the_template_opened_is_told_on() -> None:
    """With the first piece."""
    job = asked(LanguageJobs(Letters(), Lines(), Limits()), "thinking")
    assert job.step()[1]["opened"] is True


def test_a_core_without_its_model_says_what_to_name() -> None:
    """Before any library is loaded."""
    with pytest.raises(EngineFailed, match=r"\[transformers\] model"):
        load({"model": ""})
    with pytest.raises(EngineFailed, match="nowhere is not there"):
        load({"model": str(Path("/nowhere"))})
