"""Train all but prosody: ``python -m scripts.voice.train_jointly RUN PACKED...``.

Encoder, contours, decoder and vocoder learn together, from phones to waveform, of all
speakers at once: distances first, later discriminators of waveforms as well. How hard
these pull is set by the gradient, as a share of the distance's. On CUDA each kind of
step is captured once and replayed, since its kernels are too small to be launched one
by one. Resumable; with ``--minutes`` the schedule is fitted to the time.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from scripts.voice.discriminators import Discriminators
from scripts.voice.export import SPEAKERS_FILE
from scripts.voice.losses import patch_distance, plain_distance
from scripts.voice.run import (
    CHECKPOINT,
    Run,
    Schedule,
    begin,
    carry_on,
    command,
    falling,
)
from scripts.voice.shelf import Shelf, Window, load_packed
from voiceserver.voice.batch import Track, masked, vocode
from voiceserver.voice.networks.acoustic import (
    NOISE,
    PAIR,
    AcousticModel,
    AcousticShape,
)
from voiceserver.voice.networks.features import F0_CENTRE_HZ, HOP, SYNTHESIS_BINS
from voiceserver.voice.networks.source import NOISE_LEVEL
from voiceserver.voice.networks.vocoder import VocoderNet, VocoderShape

BETAS = (0.8, 0.99)
DECAY = 0.999
WARM_UP = 200  # steps
WARM_UPS = 3  # steps before a graph is captured; libraries set themselves up in them
EDGE = 24  # frames at both ends of a window that the distances do not see
COPIES = 0.2  # share of the examples whose vocoder sees the recorded spectrum
TEXTURE = 0.3  # size of the decoder's noise; the voice speaks with the same
FEATURES = 2.0  # weight of the discriminators' features beside their verdicts


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is; stored in its checkpoint.

    Attributes:
        steps: Length of the schedule.
        batch: Rows a step.
        frames: Length of a window.
        rate: Peak learning rate.
        judge_rate: Learning rate of the discriminators.
        judged_from: Share of the schedule after which the discriminators are there.
        share: Their pull, as a part of the distance's.
        tiny: Narrow discriminators.
        eager: No graphs, one kernel after the other.
        seed: Of everything random.
        journal_every: Steps between two entries of the losses.
        score_every: Steps between two validations.
    """

    steps: int
    batch: int = 32
    frames: int = 136
    rate: float = 1.2e-3
    judge_rate: float = 3e-4
    judged_from: float = 0.3
    share: float = 1.5
    tiny: bool = False
    eager: bool = False
    seed: int = 1
    journal_every: int = 200
    score_every: int = 4000


class Speech(nn.Module):
    """What is trained: an acoustic model but for its prosody, and a vocoder."""

    def __init__(self, acoustic: AcousticShape, vocoder: VocoderShape) -> None:
        super().__init__()
        self.acoustic = AcousticModel(acoustic)
        self.acoustic.prosody.requires_grad_(False)
        self.vocoder = VocoderNet(vocoder)


@dataclass(frozen=True, slots=True)
class Made:
    """What the networks make of a window.

    Attributes:
        mel: ``(batch, N_MELS, frames)``.
        bend: Error of log F0, weighted by voicing.
        voicing: Cross entropy.
        wave: ``(batch, frames * HOP)``.
    """

    mel: Tensor
    bend: Tensor
    voicing: Tensor
    wave: Tensor


def make(net: Speech, w: Window, copies: float) -> Made:
    """Speak a window with its true prosody, F0 and voicing.

    Args:
        net: All networks.
        w: The window.
        copies: Share of the examples whose vocoder sees the recorded spectrum.
    """
    model, pair_mask = net.acoustic, w.mask[:, ::PAIR, None]
    frames = w.frames(model.encoder(w.phones))
    stack = model.contour.stack
    x = stack.inputs(model.contour.inputs(frames))
    out = stack.outputs(masked(stack.blocks, x, pair_mask))
    pitch, voicing = model.contour.split(frames, out)
    weight = w.voicing * w.mask
    bend = ((pitch - w.pitch).abs() * weight).sum() / weight.sum().clamp_min(1)
    missed = nn.functional.binary_cross_entropy_with_logits(
        voicing, w.voicing, weight=w.mask, reduction="sum"
    )
    size, n = w.mask.shape
    device = w.mask.device
    noise = torch.randn(size, n // PAIR, NOISE, device=device) * TEXTURE
    stack = model.decoder.stack
    x = stack.inputs(model.decoder.inputs(frames, w.pitch, w.voicing, noise))
    mel = model.decoder.mel(stack.outputs(masked(stack.blocks, x, pair_mask)))
    copied = (torch.rand(size, 1, 1, device=device) < copies) | (w.mask[:, None] < 1)
    seen = torch.where(copied, w.mel, mel)
    f0 = torch.exp(w.pitch) * F0_CENTRE_HZ
    hiss = torch.view_as_complex(
        torch.randn(size, SYNTHESIS_BINS, n, 2, device=device) * NOISE_LEVEL
    )
    wave = vocode(net.vocoder, seen, Track(f0, w.voicing, w.mask), hiss)
    return Made(mel, bend, missed / w.mask.sum(), wave)


def inner(wave: Tensor) -> Tensor:
    """The part of a window's waveform that has all its context."""
    return wave[:, EDGE * HOP : -EDGE * HOP]


class Training(Run[Speech]):
    """A run in progress.

    Args:
        plan: What it is.
        shapes: Of both networks.
        shelf: What is learnt.
        folder: Of the run.
        others: Runs to begin from, if it has no checkpoint.
    """

    def __init__(
        self,
        plan: Plan,
        shapes: tuple[AcousticShape, VocoderShape],
        shelf: Shelf,
        folder: Path,
        others: Sequence[Path] = (),
    ) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.shelf = plan, shelf
        self.cuda = shelf.device.type == "cuda"
        net = Speech(*shapes).to(shelf.device)
        self.judges = Discriminators(plan.tiny).to(shelf.device)
        optimiser, self.judging = (
            torch.optim.AdamW(
                [p for p in part.parameters() if p.requires_grad],
                torch.tensor(rate, device=shelf.device) if self.cuda else rate,
                betas=BETAS,
                weight_decay=0.01,
                capturable=self.cuda,
                fused=self.cuda,
            )
            for part, rate in ((net, plan.rate), (self.judges, plan.judge_rate))
        )
        described = {
            "shape": asdict(shapes[0]),
            "vocoder_shape": asdict(shapes[1]),
            "plan": asdict(plan),
        }
        super().__init__(folder, net, optimiser, DECAY, described)
        self._steps: dict[bool, Callable[[], dict[str, Tensor]]] = {}
        self.resume(*others)
        if not (folder / CHECKPOINT).is_file():
            self.step = 0
        self._on_device()

    def _on_device(self) -> None:
        """Checkpoints are read to the processor; all belongs to the device."""
        device = self.shelf.device
        moved = {k: v.to(device) for k, v in self.average.weights.items()}
        self.average.weights = moved
        for optimiser in (self.optimiser, self.judging):
            for group in optimiser.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"] = group["lr"].to(device)

    def parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """The discriminators too."""
        return super().parts() | {"judges": self.judges, "judging": self.judging}

    def advance(self, gone: float) -> dict[str, Tensor]:
        """Take one step.

        Args:
            gone: Share of the time that is gone; the schedule keeps up with it.
        """
        plan = self.plan
        done = max(self.step / plan.steps, gone)
        judged = done >= plan.judged_from
        rise = min(1.0, (self.step + 1) / WARM_UP)
        rate = plan.rate * falling(done, 0.02) * rise
        late = (done - plan.judged_from) / max(1e-6, 1 - plan.judged_from)
        _set_rate(self.optimiser, rate)
        _set_rate(self.judging, plan.judge_rate * falling(max(0.0, late), 0.1))
        torch.manual_seed(plan.seed * 1_000_003 + self.step)
        found = self._step(judged)()
        self.step += 1
        self.average.update(self.net, self.step)
        return found

    def _step(self, judged: bool) -> Callable[[], dict[str, Tensor]]:
        if judged not in self._steps:
            self._steps[judged] = self._captured(judged)
        return self._steps[judged]

    def _captured(self, judged: bool) -> Callable[[], dict[str, Tensor]]:
        """A step, as one graph where there is CUDA."""

        def eager() -> dict[str, Tensor]:
            return self._learn(judged)

        if not self.cuda or self.plan.eager:
            return eager
        stream = torch.cuda.Stream(self.shelf.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self.shelf.device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                eager()
        torch.cuda.current_stream(self.shelf.device).wait_stream(stream)
        self.optimiser.zero_grad(set_to_none=True)
        self.judging.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            found = eager()

        def replay() -> dict[str, Tensor]:
            graph.replay()
            return found

        return replay

    def _learn(self, judged: bool) -> dict[str, Tensor]:
        """One step on a fresh batch, without a word to the processor."""
        plan = self.plan
        w = self.shelf.window(self.shelf.draw(plan.batch), plan.frames, EDGE)
        made = make(self.net, w, COPIES)
        real, wave = inner(w.wave), inner(made.wave)
        near = plain_distance(real, wave)
        mel = patch_distance(w.mel, made.mel, w.mask)
        (towards,) = torch.autograd.grad(near, wave, retain_graph=True)
        found = {"near": near, "mel": mel, "bend": made.bend, "voicing": made.voicing}
        if judged:
            found |= self._judge(real, wave.detach())
            against, said = self._reproach(real, wave)
            weight = plan.share * towards.norm() / against.norm().clamp_min(1e-12)
            towards = towards + weight * against
            found |= said
        known = mel + 4 * made.bend + made.voicing
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward([wave, known], [towards, torch.ones_like(known)])
        nn.utils.clip_grad_norm_(self._learning, 2.0)
        self.optimiser.step()
        return {k: v.detach() for k, v in found.items()}

    @property
    def _learning(self) -> list[nn.Parameter]:
        return [p for p in self.net.parameters() if p.requires_grad]

    def _half(self) -> torch.autocast:
        device = self.shelf.device.type
        return torch.autocast(
            device, torch.bfloat16, enabled=self.cuda, cache_enabled=False
        )

    def _judge(self, real: Tensor, made: Tensor) -> dict[str, Tensor]:
        with self._half():
            error = self.judges.error(real, made)
        self.judging.zero_grad(set_to_none=True)
        torch.autograd.backward(error)
        self.judging.step()
        return {"judged": error}

    def _reproach(self, real: Tensor, made: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Gradient of what the discriminators hold against made waveforms."""
        with self._half():
            blame, apart = self.judges.reproach(real, made)
        loss = blame.float() + FEATURES * apart.float()
        (against,) = torch.autograd.grad(loss, made, retain_graph=True)
        return against.float(), {"blame": blame, "apart": apart}

    def validate(self) -> dict[str, float]:
        """Distances of the averaged weights on kept-back sentences."""
        rows = self.shelf.kept_rows()
        torch.manual_seed(self.plan.seed)
        w = self.shelf.window(rows[:96], self.plan.frames, EDGE)
        with self.averaged() as net:
            made = make(net, w, 0.0)
        return {
            "kept_near": plain_distance(inner(w.wave), inner(made.wave)).item(),
            "kept_mel": patch_distance(w.mel, made.mel, w.mask).item(),
            "kept_bend": made.bend.item(),
            "kept_voicing": made.voicing.item(),
        }


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def train(t: Training, minutes: float) -> None:
    """Run until the schedule or the time ends; leaves a checkpoint."""
    plan = t.plan
    last: dict[str, float] = {}

    def advance(gone: float) -> dict[str, float]:
        found = t.advance(gone)
        if t.step % 50 == 0:  # reading a value waits for the device
            last.update({k: v.item() for k, v in found.items()})
            if not all(map(math.isfinite, last.values())):
                raise FloatingPointError(f"a loss of step {t.step} is not finite")
        return dict(last)

    schedule = Schedule(plan.steps, plan.journal_every, plan.score_every)
    carry_on(t, schedule, minutes, advance, t.validate)


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = command(__doc__ or "", "run", steps=60_000)
    parser.add_argument("packed", type=Path, nargs="+", help="lessons, one a speaker")
    parser.add_argument("--shares", type=float, nargs="+", help="of each speaker")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1.2e-3)
    parser.add_argument("--judge-rate", type=float, default=3e-4)
    parser.add_argument("--judged-from", type=float, default=0.3)
    parser.add_argument("--share", type=float, default=1.5)
    parser.add_argument("--continues", type=Path, help="run that this one goes on from")
    parser.add_argument("--eager", action="store_true", help="no CUDA graphs")
    parser.add_argument("--tiny", action="store_true", help="narrow discriminators")
    a = begin(parser, argv)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True  # shapes never change
    start = time.perf_counter()
    packed = [load_packed(path) for path in a.packed]
    shelf = Shelf(packed, a.shares or [1.0] * len(packed), device)
    print(
        f"{shelf.seconds:.0f} s of speech, {time.perf_counter() - start:.0f} s",
        flush=True,
    )
    names = [path.stem for path in a.packed]
    (a.run / SPEAKERS_FILE).write_text(json.dumps(names), encoding="utf-8")
    plan = Plan(
        a.steps,
        a.batch,
        rate=a.rate,
        judge_rate=a.judge_rate,
        judged_from=a.judged_from,
        share=a.share,
        tiny=a.tiny,
        eager=a.eager,
    )
    shapes = (AcousticShape(speakers=len(packed)), VocoderShape())
    others = [a.continues] if a.continues else []
    train(Training(plan, shapes, shelf, a.run, others), a.minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
