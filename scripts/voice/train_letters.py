"""Train letter-to-sound: ``python -m scripts.voice.train_letters LEXICON RUN``.

Learns the lexicon's own words; every fiftieth is kept back to measure errors. Resumable
like the other trainings, and the only one that is worth a GPU for its sake alone
(``--device cuda``): three minutes there, some hours on a processor core. ``--weights``
goes on from the network of a voice, where the run that made it is lost.
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
from voiceserver.voice.weights import load_letters
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
ALIKE = 8  # batches' worth of words, of which a batch takes those of one length
KEPT_OF = 50

Example = tuple[str, list[int], list[int]]  # word, letters, phones


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
            train.append((word, letters, phones))
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
    spelt = [torch.tensor(e[1]) for e in batch]
    letters = pad_sequence(spelt, True, PAD).to(device)
    phones = torch.tensor([p for e in batch for p in e[2]]).to(device)
    out = net(letters).transpose(0, 1)
    sizes = torch.tensor([len(e[1]) * SLOTS for e in batch])
    targets = torch.tensor([len(e[2]) for e in batch])
    loss: Tensor = functional.ctc_loss(
        out, phones, sizes, targets, blank=BLANK, reduction="mean", zero_infinity=True
    )
    return loss


def drawn(train: list[Example], step: int) -> list[Example]:
    """The words of a step: alike in length, as padding costs what letters cost."""
    rng = step_generator(1, step)
    pool = rng.integers(len(train), size=BATCH * ALIKE)
    by_length = sorted((train[i] for i in pool), key=lambda e: len(e[1]))
    start = int(rng.integers(ALIKE)) * BATCH
    return by_length[start : start + BATCH]


class Training(Run[LettersNet]):
    """A run in progress.

    Args:
        folder: Of the run.
        device: Of torch.
        weights: Of a letter-to-sound network to begin with; random ones if left out.
    """

    def __init__(
        self, folder: Path, device: str = "cpu", weights: Path | None = None
    ) -> None:
        torch.manual_seed(1)
        if weights is None:
            net = LettersNet(LettersShape(width=WIDTH, depth=DEPTH)).to(device)
        else:
            net = load_letters(weights).train().to(device)
            net.requires_grad_(True)
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
        loss = batch_loss(self.net, drawn(train, self.step))
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
    parser.add_argument("--weights", type=Path, help="a voice's letters.safetensors")
    a = begin(parser, argv)
    words, kept = examples(load_lexicon(a.lexicon))
    t = Training(a.run, a.device, a.weights)

    def advance(gone: float) -> dict[str, float]:
        # By steps or by the clock, whichever ends first: the rate falls to zero.
        return {"loss": t.advance(words, max(t.step / a.steps, gone))}

    schedule = Schedule(a.steps, JOURNAL_EVERY)
    carry_on(t, schedule, a.minutes, advance, lambda: t.validate(kept))
    return 0


if __name__ == "__main__":
    sys.exit(main())
