"""Train letter-to-sound: ``python -m scripts.voice.train_letters LEXICON RUN``.

Learns the lexicon's own words; every fiftieth is kept back to measure errors. Resumable
like the other trainings, and the only one that is worth a GPU for its sake alone
(``--device cuda``): three minutes there, some hours on a processor core.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from scripts.voice.features import step_generator
from scripts.voice.run import Run, Schedule, begin, carry_on, command, falling, warming
from voiceserver.voice.words.letters import (
    BLANK,
    PAD,
    SLOTS,
    LettersNet,
    LettersShape,
    encode_letters,
    sound_out,
)
from voiceserver.voice.words.lexicon import Lexicon, load_lexicon
from voiceserver.voice.words.phones import INDEX, Pronunciation, bare

STEPS = 16_000
WIDTH, DEPTH = 192, 2
RATE = 2e-3
BATCH = 128
WARM_UP = 100  # steps
JOURNAL_EVERY = 100  # steps
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
    device = net.outlet.weight.device
    letters = pad_sequence([e[1] for e in batch], True, PAD).to(device)
    phones = torch.cat([e[2] for e in batch]).to(device)
    out = net(letters).transpose(0, 1)
    sizes = torch.tensor([len(e[1]) * SLOTS for e in batch])
    targets = torch.tensor([len(e[2]) for e in batch])
    loss: Tensor = functional.ctc_loss(
        out, phones, sizes, targets, blank=BLANK, reduction="mean", zero_infinity=True
    )
    return loss


class Training(Run[LettersNet]):
    """A run in progress."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        torch.manual_seed(1)
        net = LettersNet(LettersShape(width=WIDTH, depth=DEPTH)).to(device)
        optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.01)
        super().__init__(folder, net, optimiser, 0.998, {"shape": asdict(net.shape)})
        self.resume()

    def restore(self, state: Mapping[str, object]) -> None:
        """As any run; the averages go where the weights are."""
        super().restore(state)
        device = self.net.outlet.weight.device
        averages = self.average.weights
        self.average.weights = {k: v.to(device) for k, v in averages.items()}

    def advance(self, train: list[Example], done: float) -> float:
        """Take one step, given how much of the run is done; returns the loss.

        Raises:
            FloatingPointError: If it is not finite.
        """
        rng = step_generator(1, self.step)
        batch = [train[i] for i in rng.integers(len(train), size=BATCH)]
        loss = batch_loss(self.net, batch)
        rate = RATE * warming(self.step, WARM_UP) * falling(done, 0.01)
        self.descend(loss, rate, 1.0)
        return loss.item()

    def validate(self, kept: list[tuple[str, Pronunciation]]) -> dict[str, float]:
        """Number of words kept back, and errors of the averaged weights on them."""
        with self.averaged() as net:
            return {"kept": len(kept), **error_rates(net, kept)}


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = command(__doc__, "lexicon", steps=STEPS)
    parser.add_argument("--device", default="cpu", help="of torch, such as cuda")
    a = begin(parser, argv)
    words, kept = examples(load_lexicon(a.lexicon))
    t = Training(a.run, a.device)

    def advance(gone: float) -> dict[str, float]:
        # By steps or by the clock, whichever ends first: the rate falls to zero.
        return {"loss": t.advance(words, max(t.step / a.steps, gone))}

    schedule = Schedule(a.steps, JOURNAL_EVERY)
    carry_on(t, schedule, a.minutes, advance, lambda: t.validate(kept))
    return 0


if __name__ == "__main__":
    sys.exit(main())
