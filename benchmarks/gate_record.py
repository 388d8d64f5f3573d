"""Records what a small model answers to the questions of ``calibrate``: for ``gate``.

``python -m benchmarks.gate_record MODEL.gguf`` (needs ``transformers``, ``gguf`` and
``accelerate``) asks a model in this process, greedily and many at once, and writes
``benchmarks/recorded/MODEL.json``: of each answer its beginning as the gate would get
it, the log-probabilities of its first tokens, how long it is, and whether it is right.
With ``--server http://127.0.0.1:8081/v1`` a server that runs the same file is asked in
its place, as a provider is. What is recorded already is not asked again, so that it can
be broken off and gone on with; questions come in an order drawn once, so that a part of
them is like the whole. Its speed here says nothing of a server's.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from voiceserver.budget import Spent
from voiceserver.cli.gate.asked import asked
from voiceserver.cli.gate.calibrate import answered
from voiceserver.config import Config, TextConfig, TextProvider
from voiceserver.engines.base import TextModel
from voiceserver.engines.gate.checkable import Checkable, read
from voiceserver.engines.gate.confidence import MOST
from voiceserver.engines.gate.measured import Checked
from voiceserver.engines.notes import Note, Probable
from voiceserver.engines.providers.first_clause import FirstClause

ROOT = Path(__file__).parents[1]
QUESTIONS = ROOT / "models" / "router" / "checkable.txt"
RECORDED = Path(__file__).parent / "recorded"
AT_ONCE = 16
TOKENS = 40  # of an answer: what is asked for is said by then, or not at all


def beginning(pieces: list[str], logprobs: list[float]) -> tuple[str, list[float]]:
    """What the gate would be given: text and log-probabilities up to its decision."""
    clause = FirstClause(0.0, read=False, tight=False, judged=True)
    said = ""
    for piece, logprob in zip(pieces, logprobs, strict=True):
        clause.note(Probable((logprob,)))
        said += piece
        if clause.enough(piece, 0.0):
            break
    return said, [round(each, 3) for each in clause.logprobs[:MOST]]


class Asks(Protocol):
    """Somebody who is asked some questions at once."""

    def answers(self, questions: Sequence[Checkable]) -> list[dict[str, Any]]:
        """Return what is recorded of each that was answered."""


class Served:
    """A model that a server runs.

    Args:
        base_url: Of its OpenAI-compatible API, which tells log-probabilities.
    """

    def __init__(self, base_url: str) -> None:
        provider = TextProvider(
            "served", base_url, "served", logprobs=True, extra={"temperature": 0}
        )
        text = TextConfig(max_output_tokens=TOKENS, provider=(provider,))
        self._config = Config(text=text)

    def answers(self, questions: Sequence[Checkable]) -> list[dict[str, Any]]:
        """Ask one after the other; return what is recorded of each."""
        return asyncio.run(self._answers(questions))

    async def _answers(self, questions: Sequence[Checkable]) -> list[dict[str, Any]]:
        async with asked(self._config, "served") as model:
            rows = [await self._answer(model, each) for each in questions]
        return [row for row in rows if row is not None]

    async def _answer(
        self, model: TextModel, question: Checkable
    ) -> dict[str, Any] | None:
        spent: list[Spent] = []

        def noted(note: Note) -> None:
            if isinstance(note, Spent):
                spent.append(note)

        checked = await answered(self._config, model, question, noted)
        if checked is None:
            return None
        return self._row(question, checked, sum(spent, Spent()))

    def _row(
        self, question: Checkable, checked: Checked, spent: Spent
    ) -> dict[str, Any]:
        first = checked.beginning.logprobs[:MOST]
        return {
            "question": question.question,
            "begins": checked.beginning.text,
            "logprobs": [round(each, 3) for each in first],
            "tokens_in": spent.tokens_in,
            "tokens_out": spent.tokens_out,
            "right": checked.right,
        }


class Asked:
    """A model in this process.

    Args:
        path: A GGUF file.
    """

    def __init__(self, path: Path) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        gguf = {"gguf_file": path.name}
        self._tokens: Any = AutoTokenizer.from_pretrained(path.parent, **gguf)
        self._model: Any = AutoModelForCausalLM.from_pretrained(path.parent, **gguf)
        self._tokens.pad_token = self._tokens.pad_token or self._tokens.eos_token
        self._role = TextConfig().instructions
        self._read = self._what_all_begin_with()

    def answers(self, questions: Sequence[Checkable]) -> list[dict[str, Any]]:
        """Ask some at once; return what is recorded of each."""
        import torch

        batch = self._batch(questions)
        cache = copy.deepcopy(self._read[1])
        cache.batch_repeat_interleave(len(questions))
        with torch.inference_mode():
            made = self._model.generate(
                **batch,
                past_key_values=cache,
                do_sample=False,
                max_new_tokens=TOKENS,
                output_scores=True,
                return_dict_in_generate=True,
                pad_token_id=self._tokens.pad_token_id,
            )
        n_prompt = batch["input_ids"].shape[1]
        scores = torch.stack(made.scores, 1).float().log_softmax(-1)
        rows = []
        for at, question in enumerate(questions):
            ids = self._to_its_end(made.sequences[at, n_prompt:].tolist())
            logprobs = [float(scores[at, n, one]) for n, one in enumerate(ids)]
            n_in = int(batch["attention_mask"][at].sum())
            rows.append(self._row(question, ids, logprobs, n_in))
        return rows

    def _what_all_begin_with(self) -> tuple[list[int], Any]:
        """Tokens of the instructions, and the model's cache of them: read once."""
        import torch
        from transformers import DynamicCache

        one, other = (self._tokens(self._prompt(each)).input_ids for each in "ab")
        same = [a == b for a, b in zip(one, other, strict=False)].index(False)
        cache = DynamicCache(config=self._model.config)
        with torch.inference_mode():
            self._model(torch.tensor([one[:same]]), past_key_values=cache)
        return one[:same], cache

    def _batch(self, questions: Sequence[Checkable]) -> dict[str, Any]:
        """Their tokens, filled up between the instructions and the questions."""
        import torch

        begun, n = self._read[0], len(self._read[0])
        rests = [
            self._tokens(self._prompt(each.question)).input_ids[n:]
            for each in questions
        ]
        longest = max(map(len, rests))
        fills = [longest - len(rest) for rest in rests]
        pad = [self._tokens.pad_token_id]
        ids = [begun + pad * k + rest for k, rest in zip(fills, rests, strict=True)]
        masks = [[1] * n + [0] * k + [1] * (longest - k) for k in fills]
        return {
            "input_ids": torch.tensor(ids),
            "attention_mask": torch.tensor(masks),
        }

    def _prompt(self, question: str) -> str:
        chat = [
            {"role": "system", "content": self._role},
            {"role": "user", "content": question},
        ]
        return str(
            self._tokens.apply_chat_template(
                chat, tokenize=False, add_generation_prompt=True
            )
        )

    def _to_its_end(self, ids: list[int]) -> list[int]:
        ends = {self._tokens.eos_token_id, self._tokens.pad_token_id}
        return ids[: next((n for n, one in enumerate(ids) if one in ends), len(ids))]

    def _row(
        self, question: Checkable, ids: list[int], logprobs: list[float], n_in: int
    ) -> dict[str, Any]:
        whole = [self._tokens.decode(ids[: n + 1]) for n in range(len(ids))]
        pieces = [b[len(a) :] for a, b in zip(["", *whole], whole, strict=False)]
        text, first = beginning(pieces, logprobs)
        return {
            "question": question.question,
            "begins": text,
            "logprobs": first,
            "tokens_in": n_in,
            "tokens_out": len(ids),
            "right": question.answered_by("".join(pieces)),
        }


def record(
    name: str, open_model: Callable[[], Asks], questions: Sequence[Checkable], to: Path
) -> None:
    """Ask what was not asked yet; write after each few, in the order of the file.

    Args:
        name: Of the model.
        open_model: Opens it, where anything is left to ask.
        questions: All.
        to: The file.
    """
    rows: dict[str, dict[str, Any]] = {}
    if to.is_file():
        recorded = json.loads(to.read_text("utf-8"))["answers"]
        rows = {row["question"]: row for row in recorded}
    rest = [each for each in questions if each.question not in rows]
    random.Random(0).shuffle(rest)
    model = open_model() if rest else None
    for at in range(0, len(rest), AT_ONCE):
        assert model is not None
        for row in model.answers(rest[at : at + AT_ONCE]):
            rows[row["question"]] = row
        kept = [rows[each.question] for each in questions if each.question in rows]
        to.parent.mkdir(exist_ok=True)
        to.write_text(json.dumps({"model": name, "answers": kept}, indent=0))
        print(f"{len(kept)} of {len(questions)}", flush=True)


def main() -> None:
    """Ask and write."""
    parser = argparse.ArgumentParser(description="Record a small model's answers.")
    parser.add_argument("model", type=Path, help="a GGUF file")
    parser.add_argument("--server", help="base_url of one that runs it")
    parser.add_argument("--like", type=Path, help="only what was recorded there")
    options = parser.parse_args()
    questions = read(QUESTIONS.read_text("utf-8"), QUESTIONS.name)
    if options.like:
        others = json.loads(options.like.read_text("utf-8"))["answers"]
        wanted = {row["question"] for row in others}
        questions = tuple(each for each in questions if each.question in wanted)

    def open_model() -> Asks:
        return Served(options.server) if options.server else Asked(options.model)

    name = options.model.stem
    record(name, open_model, questions, RECORDED / f"{name}.json")


if __name__ == "__main__":
    main()
