"""Records what a small model answers to the questions of ``calibrate``: for ``gate``.

``python -m benchmarks.gate_record MODEL.gguf`` (needs ``transformers``, ``gguf`` and
``accelerate``) asks a model in this process, greedily and many at once, and writes
``benchmarks/recorded/gate.json``: of each answer its beginning as the gate would get
it, the log-probabilities of its first tokens, how long it is, and whether it is right.
Its speed here says nothing of a server's.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from voiceserver.config import TextConfig
from voiceserver.engines.base import Probable
from voiceserver.engines.gate.checkable import Checkable, read
from voiceserver.engines.gate.confidence import MOST
from voiceserver.engines.providers.first_clause import FirstClause

ROOT = Path(__file__).parents[1]
QUESTIONS = ROOT / "models" / "router" / "checkable.txt"
RECORDED = Path(__file__).parent / "recorded" / "gate.json"
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


def asked(path: Path, questions: tuple[Checkable, ...]) -> list[dict[str, Any]]:
    """Ask them all."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokens: Any = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model: Any = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name)
    tokens.padding_side = "left"
    tokens.pad_token = tokens.pad_token or tokens.eos_token
    role = TextConfig().instructions
    ends = {tokens.eos_token_id, tokens.pad_token_id}
    rows = []
    for at in range(0, len(questions), AT_ONCE):
        some = questions[at : at + AT_ONCE]
        chats = [
            [
                {"role": "system", "content": role},
                {"role": "user", "content": each.question},
            ]
            for each in some
        ]
        prompts = [
            tokens.apply_chat_template(one, tokenize=False, add_generation_prompt=True)
            for one in chats
        ]
        batch = tokens(prompts, return_tensors="pt", padding=True)
        with torch.inference_mode():
            made = model.generate(
                **batch,
                do_sample=False,
                max_new_tokens=TOKENS,
                output_scores=True,
                return_dict_in_generate=True,
                pad_token_id=tokens.pad_token_id,
            )
        n_prompt = batch["input_ids"].shape[1]
        scores = torch.stack(made.scores, 1).float().log_softmax(-1)
        for row, question in enumerate(some):
            ids = made.sequences[row, n_prompt:].tolist()
            end = next((n for n, one in enumerate(ids) if one in ends), len(ids))
            logprobs = [float(scores[row, n, ids[n]]) for n in range(end)]
            whole = [tokens.decode(ids[: n + 1]) for n in range(end)]
            pieces = [b[len(a) :] for a, b in zip(["", *whole], whole, strict=False)]
            text, first = beginning(pieces, logprobs)
            rows.append(
                {
                    "question": question.question,
                    "begins": text,
                    "logprobs": first,
                    "tokens_in": int(batch["attention_mask"][row].sum()),
                    "tokens_out": end,
                    "right": question.answered_by("".join(pieces)),
                }
            )
        print(f"{len(rows)} of {len(questions)}", flush=True)
    return rows


def main() -> None:
    """Ask and write."""
    parser = argparse.ArgumentParser(description="Record a small model's answers.")
    parser.add_argument("model", type=Path, help="a GGUF file")
    options = parser.parse_args()
    questions = read(QUESTIONS.read_text("utf-8"), QUESTIONS.name)
    rows = asked(options.model, questions)
    RECORDED.parent.mkdir(exist_ok=True)
    content = {"model": options.model.stem, "answers": rows}
    RECORDED.write_text(json.dumps(content, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    main()
