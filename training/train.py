"""Train the restorer; `python -m training.train DATA` goes on from DATA/state.pt where there is one.

DATA holds what `python -m training.faces DATA` packed. The trainer saves its state every five minutes and
when it is asked to end (SIGINT, SIGTERM).
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
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training import weights
from training.faces import SHARED
from training.held_out import Case, cases
from training.losses import FACE_CORNER, FACE_SIDE, Perception, pixel_and_frequency, steepness
from training.network import Restorer
from training.optimizer import Mixed
from training.samples import Batch, Samples, scaled, stream
from training.schedule import Stage, at
from training.start import begin

log = logging.getLogger("training")

_SAVE_SECONDS = 300.0
_CHECK_STEPS = 150
_START_BATCHES = 48
_LATE_BATCH = 1 << 39  # no training comes so far
_CHECK_LEVELS = ("x1 clean", "x2", "x4", "x8", "old scan x3")
_CHECK_FACES = 5  # every fifth face of the list


@dataclass(frozen=True)
class Window:
    """A square of a crop; `face` where it is the one that holds the face."""

    left: int
    top: int
    side: int
    face: bool


class Trainer:
    """Hold what a training consists of, and move it step by step."""

    def __init__(self, folder: Path, device: torch.device, parts: int) -> None:
        torch.manual_seed(0)
        self.step = 0
        self._file = folder / "state.pt"
        self._device = device
        self._parts = parts
        self._pool = ThreadPoolExecutor(parts)
        self.network = Restorer().to(device)
        self.average = Restorer().to(device)
        self.average.load_state_dict(self.network.state_dict())
        self._optimizer = Mixed(self.network, self._pool.map)

    @cached_property
    def _perception(self) -> Perception:
        return Perception(SHARED / "weights")

    def start(self, samples: Samples, first_weights: Path | None) -> None:
        """Take up the saved state; where there is none, the weights of a file, or else begin from nothing."""
        if self._file.exists():
            self._load()
            return
        if first_weights:
            self.network.load_state_dict(weights.load(first_weights).state_dict())
        else:
            first = Restorer()
            begin(first, [samples[_LATE_BATCH + number] for number in range(_START_BATCHES)])
            self.network.load_state_dict(first.state_dict())
        self.average.load_state_dict(self.network.state_dict())
        self.save()

    def _load(self) -> None:
        state = torch.load(self._file, map_location=self._device, weights_only=True)
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])

    def save(self) -> None:
        """Write the state whole, or leave the one before."""
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        partial = self._file.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self._file)

    def learn(self, batch: Batch, stage: Stage, rate: float) -> float:
        """Take one step; return the loss."""
        parameters = list(self.network.parameters())
        size = len(batch.inputs) // self._parts
        slices = [slice(i * size, (i + 1) * size) for i in range(self._parts)]
        windows = self._windows(stage)
        results = list(
            self._pool.map(lambda part, window: self._gradients(batch, part, window, stage), slices, windows)
        )
        for place, parameter in enumerate(parameters):
            parameter.grad = torch.stack([gradients[place] for _, gradients in results]).mean(0)
        length = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        if torch.isfinite(length):
            self._optimizer.step()
        self.step += 1
        self._follow(min(0.999, (1 + self.step) / (10 + self.step)))
        return float(np.mean([loss for loss, _ in results]))

    def _windows(self, stage: Stage) -> list[Window]:
        """Choose what each part of the batch looks at: the face in every other step where faces count."""
        if stage.compares_faces and self.step % 2 == 0:
            return [Window(FACE_CORNER, FACE_CORNER, FACE_SIDE, face=True)] * self._parts
        draw = np.random.default_rng(self.step)
        corners = 64 * draw.integers(0, (512 - stage.window) // 64 + 1, (self._parts, 2))
        return [Window(int(left), int(top), stage.window, face=False) for left, top in corners]

    def _gradients(
        self, batch: Batch, part: slice, window: Window, stage: Stage
    ) -> tuple[float, tuple[Tensor, ...]]:
        """Return the loss of a part of the batch and its gradients."""
        left, top, side = window.left, window.top, window.side
        cut = (part, slice(top, top + side), slice(left, left + side))
        inputs, targets = scaled(batch.inputs[cut], self._device), scaled(batch.targets[cut], self._device)
        sharp = batch.sharp[part].to(self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            restored = self.network(inputs, left, top)
        restored = restored.float()
        loss = pixel_and_frequency(restored, targets, sharp, stage.frequency)
        if window.face:
            person, features = self._perception(restored, targets)
            loss = loss + stage.identity * person + stage.perceptual * features
            loss = loss + stage.sharpness * steepness(restored, targets, sharp)
        return loss.item(), torch.autograd.grad(loss, list(self.network.parameters()))

    @torch.no_grad()
    def _follow(self, keep: float) -> None:
        """Let the averaged weights follow."""
        for averaged, parameter in zip(self.average.parameters(), self.network.parameters(), strict=True):
            averaged.lerp_(parameter, 1 - keep)

    def check(self, chosen: list[tuple[Case, np.ndarray[Any, Any], np.ndarray[Any, Any]]]) -> str:
        """Return what the averaged weights gain on a few held-out faces, dB for each level."""
        gains: dict[str, list[float]] = {}

        def gain(item: tuple[Case, np.ndarray[Any, Any], np.ndarray[Any, Any]]) -> tuple[str, float]:
            case, clean, worse = item
            with torch.no_grad():
                given, target = (scaled(torch.from_numpy(x)[None], self._device) for x in (worse, clean))
                restored = self.average(given).clamp(0, 1)
                errors = [float(((x - target) ** 2).mean()) for x in (restored, given)]
            # Where the input is the clean face, its distance is what counts.
            return case.level, -10 * np.log10(errors[0] / errors[1] if errors[1] else errors[0])

        for level, value in self._pool.map(gain, chosen):
            gains.setdefault(level, []).append(value)
        return ", ".join(f"{level} {np.mean(v):+.2f} (least {np.min(v):+.2f})" for level, v in gains.items())


def run(trainer: Trainer, batches: Iterator[Batch], minutes: float) -> None:
    """Train until the schedule ends, the time is over or a signal comes."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: asked.append(received))
    chosen = [c for c in cases() if c.level in _CHECK_LEVELS and c.seed // 100 % _CHECK_FACES == 0]
    pairs = [(case, clean := case.clean(), case.worse(clean)) for case in chosen]
    began = saved = time.monotonic()
    losses: list[float] = []
    while not asked and time.monotonic() - began < 60 * minutes and (now := at(trainer.step)):
        losses.append(trainer.learn(next(batches), *now))
        if trainer.step % 20 == 0 or trainer.step < 4:
            log.info(
                "%d: loss %.4f, rate %.1e, %.0f s",
                trainer.step,
                np.mean(losses),
                now[1],
                time.monotonic() - began,
            )
            losses.clear()
        if trainer.step % _CHECK_STEPS == 0:
            log.info("%d: %s", trainer.step, trainer.check(pairs))
        if time.monotonic() - saved > _SAVE_SECONDS:
            trainer.save()
            saved = time.monotonic()
    trainer.save()
    log.info("stopped at step %d", trainer.step)


def main() -> None:
    """Read the options and train."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    cuda = torch.cuda.is_available()
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("data", type=Path)
    options.add_argument("--device", default="cuda" if cuda else "cpu")
    options.add_argument("--batch", type=int, default=8)
    options.add_argument(
        "--parts", type=int, default=1 if cuda else 2, help="parts of a batch, a thread each"
    )
    options.add_argument("--workers", type=int, default=1, help="processes that make batches")
    options.add_argument("--minutes", type=float, default=1e9)
    options.add_argument("--first-weights", type=Path, help="where to begin when DATA holds no state")
    given = options.parse_args()
    trainer = Trainer(given.data, torch.device(given.device), given.parts)
    samples = Samples(given.data, given.batch, seed=0)
    trainer.start(samples, given.first_weights)
    run(trainer, stream(samples, trainer.step, given.workers, pinned=cuda), given.minutes)


if __name__ == "__main__":
    main()
