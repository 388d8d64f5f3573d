"""Train letter-to-sound: ``python -m scripts.voice.train_letters LEXICON RUN``.

Learns the lexicon's own words; every fiftieth is kept back to measure errors. Resumable
like the other trainings.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from scripts.voice.checkpoint import (
    Journal,
    MovingAverage,
    load_checkpoint,
    save_checkpoint,
)
from scripts.voice.features import step_generator
from voiceserver.voice.letters import (
    BLANK,
    PAD,
    SLOTS,
    LettersNet,
    LettersShape,
    encode_letters,
    sound_out,
)
from voiceserver.voice.lexicon import Lexicon, load_lexicon
from voiceserver.voice.phones import INDEX, Pronunciation, bare

RATE = 3e-3
BATCH = 256
SAVE_EVERY_S = 60
KEPT_OF = 50

Example = tuple[str, Tensor, Tensor]  # word, letters, phones


def examples(lexicon: Lexicon) -> tuple[list[Example], list[tuple[str, Pronunciation]]]:
    """Training examples, and words kept back with their first pronunciation."""
    train: list[Example] = []
    kept: list[tuple[str, Pronunciation]] = []
    for word in lexicon.words():
        letters = encode_letters(word)
        variants = lexicon.variants(word)
        if len(word) < 3 or word.endswith("'s"):
            continue
        if hashlib.sha256(word.encode()).digest()[0] * KEPT_OF < 256:
            kept.append((word, variants[0]))
            continue
        phones = [INDEX[p] for p in variants[0]]
        if len(phones) <= SLOTS * len(letters) - 1:
            train.append((word, torch.tensor(letters), torch.tensor(phones)))
    return train, kept


def edit_distance(a: list[str], b: list[str]) -> int:
    """Least number of insertions, deletions and replacements."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            best = min(row[j] + 1, row[j - 1] + 1, before + (x != y))
            before, row[j] = row[j], best
    return row[-1]


def error_rates(
    net: LettersNet, kept: list[tuple[str, Pronunciation]]
) -> dict[str, float]:
    """Phone error rate without stress, and share of words wholly right."""
    wrong, total, right = 0, 0, 0
    for word, phones in kept:
        got = sound_out(net, word)
        wrong += edit_distance([bare(p) for p in got], [bare(p) for p in phones])
        total += len(phones)
        right += got == phones
    return {"phone_errors": wrong / total, "words_right": right / len(kept)}


def batch_loss(net: LettersNet, batch: list[Example]) -> Tensor:
    """CTC loss of a batch, a symbol."""
    letters = pad_sequence([e[1] for e in batch], True, PAD)
    phones = torch.cat([e[2] for e in batch])
    out = net(letters).transpose(0, 1)
    sizes = torch.tensor([len(e[1]) * SLOTS for e in batch])
    targets = torch.tensor([len(e[2]) for e in batch])
    loss: Tensor = functional.ctc_loss(
        out, phones, sizes, targets, blank=BLANK, reduction="mean", zero_infinity=True
    )
    return loss


class Training:
    """A run in progress."""

    def __init__(self, run: Path) -> None:
        torch.manual_seed(1)
        self.path = run / "checkpoint.pt"
        self.net = LettersNet(LettersShape())
        self.average = MovingAverage(self.net, 0.998)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), RATE, weight_decay=0.01
        )
        self.step = 0
        state = load_checkpoint(self.path)
        if state is not None:
            net, average, optimiser, step = (
                state[k] for k in ("net", "average", "optimiser", "step")
            )
            assert isinstance(net, dict)
            assert isinstance(average, dict)
            assert isinstance(optimiser, dict)
            assert isinstance(step, int)
            self.net.load_state_dict(net)
            self.average.weights = average
            self.optimiser.load_state_dict(optimiser)
            self.step = step

    def save(self) -> None:
        """Write the checkpoint."""
        state = {
            "net": self.net.state_dict(),
            "average": self.average.weights,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "shape": asdict(self.net.shape),
        }
        save_checkpoint(self.path, state)

    def advance(self, train: list[Example], done: float) -> float:
        """Take one step, given how much of the run is done; returns the loss."""
        for group in self.optimiser.param_groups:
            warm = min(1.0, (self.step + 1) / 100)
            group["lr"] = RATE * warm * (0.505 + 0.495 * math.cos(math.pi * done))
        rng = step_generator(1, self.step)
        batch = [train[i] for i in rng.integers(len(train), size=BATCH)]
        loss = batch_loss(self.net, batch)
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        self.average.update(self.net, self.step)
        return loss.item()


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lexicon", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--minutes", type=float, default=math.inf)
    a = parser.parse_args(argv)
    torch.set_num_threads(1)
    a.run.mkdir(parents=True, exist_ok=True)
    train, kept = examples(load_lexicon(a.lexicon))
    t, journal = Training(a.run), Journal(a.run / "journal.jsonl")
    start = saved = time.perf_counter()
    recent: list[float] = []
    while (
        t.step < a.steps and (elapsed := time.perf_counter() - start) < a.minutes * 60
    ):
        # By steps or by the clock, whichever ends first: the rate falls to zero.
        done = max(t.step / a.steps, elapsed / (60 * a.minutes))
        recent.append(t.advance(train, done))
        if t.step % 100 == 0:
            journal.write(step=t.step, loss=float(np.mean(recent)), elapsed_s=elapsed)
            recent = []
        if time.perf_counter() - saved > SAVE_EVERY_S:
            t.save()
            saved = time.perf_counter()
    t.save()
    t.net.load_state_dict(t.average.weights)
    journal.write(step=t.step, kept=len(kept), **error_rates(t.net, kept))
    return 0


if __name__ == "__main__":
    sys.exit(main())
