"""Train the network that facewatch ships; `python -m training.train DATA` goes on from DATA/state.pt.

DATA holds what `python -m training.faces DATA` and `python -m training.pairs DATA` made. The state is saved
every five minutes, and when the trainer is asked to end (SIGINT, SIGTERM).
"""

from __future__ import annotations

import os

if __name__ == "__main__":
    # One thread an operation and one part of the batch a thread: threads that wait for each other inside
    # every operation stand still as soon as another program takes one of the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import logging
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facewatch.restoration.networks.builtin import Restorer
from facewatch.restoration.networks.trial import candidates
from training import weights
from training.discriminator import Discriminator
from training.faces import SHARED
from training.held_out import SELECTION, Case, Pixels, cases
from training.losses import Perception, distance, flatness, glances, importance
from training.pairs import SIDE, pairs, tensor
from training.schedule import Stage, at
from training.start import begin

log = logging.getLogger("training")

_SAVE_SECONDS = 300.0
_CHECK_STEPS = 500
_START_PAIRS = 600
_KEEP = 0.998  # of the averaged weights at each step
_CHECK_LEVELS = ("x1 clean", "x2", "x4", "x8", "old scan x3")
_CHECK_FACES = 3  # every third face of the list


class Trainer:
    """Hold what a training consists of, and move it step by step."""

    def __init__(self, data: Path, device: torch.device, parts: int) -> None:
        torch.manual_seed(0)
        self.step = 0
        self._file = data / "state.pt"
        self._device = device
        self._bfloat16 = "bfloat16" in candidates(device.type)
        self._pool = ThreadPoolExecutor(parts)
        self._parts = parts
        self._pairs = pairs(data)
        self.network = Restorer().to(device)
        self.average = Restorer().to(device)
        # The filters come from least squares and stay: they are what the U-Net builds on.
        self.network.filters.requires_grad_(requires_grad=False)
        self._learning = [p for p in self.network.parameters() if p.requires_grad]
        self._discriminator = Discriminator(device)
        self._optimizer = torch.optim.AdamW(self._learning, 1.0, betas=(0.9, 0.99), weight_decay=0)

    @cached_property
    def _perception(self) -> Perception:
        return Perception(SHARED / "weights")

    def start(self, first_weights: Path | None, first_step: int = 0) -> None:
        """Take up the saved state; where there is none, the weights of a file, or begin from nothing."""
        if self._file.exists():
            state = torch.load(self._file, map_location=self._device, weights_only=True)
            self.step = state["step"]
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
            if "discriminator" in state:
                self._discriminator.load(state["discriminator"])
            return
        self.step = first_step
        if first_weights:
            self.network.load_state_dict(weights.load(first_weights).state_dict())
        else:
            first = Restorer()
            begin(first, self._pairs[0][:_START_PAIRS])
            self.network.load_state_dict(first.state_dict())
        self.average.load_state_dict(self.network.state_dict())

    def save(self) -> None:
        """Write the state whole, or leave the one before."""
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "discriminator": self._discriminator.state(),
        }
        partial = self._file.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self._file)

    def learn(self, stage: Stage, rate: float) -> float:
        """Take one step; return the loss."""
        draw = np.random.default_rng((5, self.step))
        chosen = draw.integers(0, sum(map(len, self._pairs)), stage.batch)
        mirrored = bool(draw.integers(2))
        left, top = (int(v) for v in 16 * draw.integers(0, (SIDE - stage.window) // 16 + 1, 2))
        glance = glances(draw)
        parts = np.array_split(chosen, self._parts)
        results = list(
            self._pool.map(
                lambda part: self._gradients(part, stage, (left, top), glance, mirrored=mirrored), parts
            )
        )
        for place, parameter in enumerate(self._learning):
            parameter.grad = torch.stack([gradients[place] for _, gradients, _ in results]).mean(0)
        length = torch.nn.utils.clip_grad_norm_(self._learning, 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        if torch.isfinite(length):
            self._optimizer.step()
        if stage.realism:
            self._discriminator.learn(
                *(torch.cat(kind) for kind in zip(*(faces for *_, faces in results), strict=True))
            )
        self._follow(min(_KEEP, (1 + self.step) / (10 + self.step)))
        self.step += 1
        return float(np.mean([loss for loss, *_ in results]))

    def _gradients(
        self, chosen: Pixels, stage: Stage, corner: tuple[int, int], glance: Tensor, *, mirrored: bool
    ) -> tuple[float, tuple[Tensor, ...], tuple[Tensor, Tensor, Tensor]]:
        """Return the loss of a part of the batch, its gradients, and the faces: restored, given, clean."""
        whole = [self._pairs[n // len(self._pairs[0])][n % len(self._pairs[0])] for n in chosen]
        given, clean = (tensor(np.stack(faces)).to(self._device) for faces in zip(*whole, strict=True))
        if mirrored:
            given, clean = given.flip(3), clean.flip(3)
        counts = importance(given, clean)
        left, top = corner
        cut = (..., slice(top, top + stage.window), slice(left, left + stage.window))
        given, clean = given[cut], clean[cut]
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16):
            restored = given + self.network.change(given, left, top)
        loss = distance(restored, clean, counts)
        if stage.identity:
            person, features = self._perception(restored, given, clean, glance)
            loss = loss + stage.identity * person + stage.perceptual * features
            loss = loss + stage.flatness * flatness(restored, clean)
        if stage.realism:
            loss = loss + stage.realism * self._discriminator.falseness(restored, given)
        return loss.item(), torch.autograd.grad(loss, self._learning), (restored.detach(), given, clean)

    @torch.no_grad()
    def _follow(self, keep: float) -> None:
        """Let the averaged weights follow."""
        for averaged, parameter in zip(self.average.parameters(), self.network.parameters(), strict=True):
            averaged.lerp_(parameter, 1 - keep)

    def check(self, chosen: list[tuple[Case, Pixels, Pixels]]) -> str:
        """Return what the averaged weights gain on a few faces of the list to choose by, in dB."""
        gains: dict[str, list[float]] = {}
        for level, value in self._pool.map(self._gain, chosen):
            gains.setdefault(level, []).append(value)
        return ", ".join(f"{level} {np.mean(v):+.2f} (least {np.min(v):+.2f})" for level, v in gains.items())

    @torch.inference_mode()
    def _gain(self, item: tuple[Case, Pixels, Pixels]) -> tuple[str, float]:
        case, clean, worse = item
        given, target = (tensor(face[None]).to(self._device) for face in (worse, clean))
        restored = self.average(given).clamp(0, 1)
        errors = [float((faces - target).square().mean()) for faces in (restored, given)]
        # Where the input is the clean face, its distance is what counts.
        return case.level, -10 * np.log10(errors[0] / errors[1] if errors[1] else errors[0])


def run(trainer: Trainer, minutes: float) -> None:
    """Train until the schedule ends, the time is over or a signal comes."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: asked.append(received))
    checked = list(_checked())
    began = saved = time.monotonic()
    losses: list[float] = []
    while not asked and time.monotonic() - began < 60 * minutes and (now := at(trainer.step)):
        losses.append(trainer.learn(*now))
        if trainer.step % 50 == 0:
            seconds = time.monotonic() - began
            log.info("%d: loss %.4f, rate %.1e, %.0f s", trainer.step, np.mean(losses), now[1], seconds)
            losses.clear()
        if trainer.step % _CHECK_STEPS == 0:
            log.info("%d: %s", trainer.step, trainer.check(checked))
        if time.monotonic() - saved > _SAVE_SECONDS:
            trainer.save()
            saved = time.monotonic()
    trainer.save()
    log.info("stopped at step %d: %s", trainer.step, trainer.check(checked))


def _checked() -> Iterator[tuple[Case, Pixels, Pixels]]:
    """Yield cases that a training looks at now and then, with the clean and the worse face."""
    for case in cases(SELECTION):
        if case.level in _CHECK_LEVELS and case.seed // 100 % _CHECK_FACES == 0:
            clean = case.clean()
            yield case, clean, case.worse(clean)


def main() -> None:
    """Read the options and train."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    cuda = torch.cuda.is_available()
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("data", type=Path)
    options.add_argument("--device", default="cuda" if cuda else "cpu")
    options.add_argument("--parts", type=int, default=1 if cuda else 2, help="of a batch, a thread each")
    options.add_argument("--minutes", type=float, default=1e9)
    options.add_argument("--first-weights", type=Path, help="where to begin when DATA holds no state")
    options.add_argument("--first-step", type=int, default=0, help="of the schedule, with --first-weights")
    given = options.parse_args()
    trainer = Trainer(given.data, torch.device(given.device), given.parts)
    trainer.start(given.first_weights, given.first_step)
    run(trainer, given.minutes)


if __name__ == "__main__":
    main()
