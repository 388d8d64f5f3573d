"""The GPU's benchmark on a processor, with networks of a toy's size."""

from __future__ import annotations

from benchmarks.gpu import BUCKETS, launches, listened, parity
from tests.voice.test_speaker import some_clause, tiny_model
from voiceserver.voice.batch import BatchSpeaker

CLAUSES = [some_clause(n, seed=n) for n in (3, 12, 7)]


def test_it_runs_on_a_processor() -> None:
    """The same speech, launches that are timed, listeners who are served."""
    speaker = BatchSpeaker(*tiny_model())
    assert parity(speaker, CLAUSES) > 50
    rows = launches(speaker, CLAUSES[0], BUCKETS[:2], 1)
    assert [row["clauses"] for row in rows] == [1, 2]
    # Launches that are told to take no time: no one is refused on a busy machine.
    row = listened(speaker, CLAUSES, {1: 1e-4, 2: 1e-4}, 2, 0.4)
    assert row["listeners"] == 2
    assert row["refills"] >= 0
