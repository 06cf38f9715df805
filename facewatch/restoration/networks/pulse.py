"""PULSE: a search among StyleGAN's faces for one that shrinks to the photo's face. It invents another person.

After PULSE (Menon et al. 2020, "Self-Supervised Photo Upsampling via Latent Space Exploration of Generative
Models"), with its published settings. The face is shrunk to 32 pixels, so that nothing finer of the photo is
seen. The search draws and corrects a face in each of its steps; it always computes in float32.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from facewatch.errors import BadCheckpoint
from facewatch.restoration.networks.fast import Forward, Precision
from facewatch.restoration.networks.state_dict import StateDict, read_state_dict
from facewatch.restoration.networks.strict import load_strictly
from facewatch.restoration.networks.stylegan import StyleGAN
from facewatch.restoration.types import OnStep, ignore_step

STEPS = 100
SEED = 1  # a photo gives the same face every time
SMALL = 32  # side in pixels to which the face is shrunk
_RATE = 0.4  # of learning, at most
_SEARCHED_NOISES = 5  # the others stay as they were drawn
_NEAR = 2e-3  # mean square difference from the shrunk photo, of a range of 1, that counts as equal
_L2_SHARE, _CROSS_SHARE = 100.0, 0.05  # of what is minimised
_MOST_KEPT = 4  # found faces in memory, 12 MB each: other weights lay the original over the same face
_MEAN, _DEVIATION = "latents.mean", "latents.std"
_MARK = "blocks.4x4.const"


def recognises(state: StateDict) -> bool:
    """Return True if a state dict looks like the synthesis network of PULSE."""
    return _MARK in state and "torgb.weight" in state


def crop_size(state: StateDict) -> int:
    """Return the side in pixels of the faces that the network takes and returns."""
    return int(2 << len(_levels(state)))


def read_latents(file: Path) -> StateDict:
    """Return mean and deviation of the styles, from the published `gaussian_fit.pt`.

    Raises BadCheckpoint when the file holds anything else; OSError as `open`.
    """
    state = read_state_dict(file)
    if set(state) != {"mean", "std"} or any(tensor.ndim != 1 for tensor in state.values()):
        raise BadCheckpoint(f"{file.name} does not hold the mean and the deviation of PULSE's styles.")
    return {_MEAN: state["mean"].float(), _DEVIATION: state["std"].float()}


def sample_latents(state: StateDict) -> StateDict:
    """Return such numbers that fit a network's file, to check that file by itself."""
    style = state["blocks.4x4.epi1.style_mod.lin.weight"].shape[1]
    return {_MEAN: torch.zeros(style), _DEVIATION: torch.ones(style)}


def build(state: StateDict, device: str, precision: Precision) -> Forward:
    """Return the search on its device; it ignores the weight.

    state      with the mean and deviation of the styles; it is emptied meanwhile
    precision  is ignored: it is always float32

    Raises ValueError or KeyError when a key is missing or unknown, or a shape does not fit.
    """
    del precision
    mean, deviation = state.pop(_MEAN), state.pop(_DEVIATION)
    if (size := crop_size(state)) <= SMALL:
        raise ValueError(f"it draws faces of {size} pixels; they must be larger than {SMALL}")
    names = [f"{side}x{side}.conv{'' if side == 4 else 1}" for side in _levels(state)]
    channels = [state[f"blocks.{name}.bias"].shape[0] for name in names]
    network = load_strictly(lambda: StyleGAN(channels, len(mean)), state)
    state.clear()
    network.settle()
    return Search(network.to(device), mean.to(device), deviation.to(device), steps=STEPS, seed=SEED)


def _levels(state: StateDict) -> list[int]:
    return sorted({int(key.split(".")[1].partition("x")[0]) for key in state if key.startswith("blocks.")})


class Search:
    """The search, as a Forward."""

    def __init__(self, network: StyleGAN, mean: Tensor, deviation: Tensor, *, steps: int, seed: int) -> None:
        """
        mean, deviation  of the styles before their activation, (style,)
        """
        self.on_step: OnStep = ignore_step
        self._network = network
        self._mean, self._deviation = mean, deviation
        self.step_count, self._seed = steps, seed
        self._layers = 2 * len(network.blocks)
        self._found: dict[bytes, Tensor] = {}

    def __call__(self, faces: Tensor, _weight: float) -> Tensor:
        """Return a face for each of (N, 3, S, S) faces in [-1, 1]; the face itself where none was found.

        `on_step` is called at the start and after each step; an error that it raises ends the search.
        """
        return torch.cat([self._face(face[None]) for face in faces])

    def _face(self, face: Tensor) -> Tensor:
        key = hashlib.sha256(face.cpu().numpy().tobytes()).digest()
        if key not in self._found:
            # Tensors made in inference mode take no part in gradients.
            with torch.inference_mode(mode=False), torch.enable_grad():
                found = self._searched((face.clone() + 1) / 2)
            while len(self._found) >= _MOST_KEPT:
                del self._found[next(iter(self._found))]
            self._found[key] = face if found is None else found
        return self._found[key]

    def _searched(self, face: Tensor) -> Tensor | None:
        """Return the last face of the search; None if none came near enough."""
        reference = shrink(face, face.shape[-1] // SMALL).clamp(0, 1)
        nearest = float("inf")
        last = None
        self.on_step(0, self.step_count)
        for done, (picture, difference) in enumerate(self.steps(reference), start=1):
            self.on_step(done, self.step_count)
            if not math.isfinite(difference):
                return picture  # the caller refuses it
            last, nearest = picture, min(nearest, difference)
        return last if nearest <= _NEAR else None

    def steps(self, reference: Tensor) -> Iterator[tuple[Tensor, float]]:
        """Yield the face of each step, (1, 3, S, S) about -1 to 1, and its difference from the reference.

        reference  the shrunk photo, (1, 3, 32, 32), 0-1

        The order of random numbers is that of the published code.
        """
        generator = torch.Generator().manual_seed(self._seed)
        device = reference.device
        style = len(self._mean)
        latent = torch.randn((1, self._layers, style), generator=generator).to(device).requires_grad_()
        noises = []
        for layer in range(self._layers - 1):
            side = 4 << layer // 2
            noises.append(torch.randn((1, 1, side, side), generator=generator).to(device))
        noises.append(torch.zeros_like(noises[-1]))
        searched = [latent, *(noise.requires_grad_() for noise in noises[:_SEARCHED_NOISES])]
        radii = [_length(tensor.detach()) for tensor in searched]
        optimiser = torch.optim.Adam(searched, lr=_RATE)
        for step in range(self.step_count):
            for group in optimiser.param_groups:
                group["lr"] = _RATE * _pace(step, self.step_count)
            optimiser.zero_grad()
            styles = F.leaky_relu(latent * self._deviation + self._mean, 0.2)
            picture = self._network(styles, noises)
            shrunk = shrink((picture + 1) / 2, picture.shape[-1] // reference.shape[-1])
            difference = (shrunk - reference).square().mean().clamp(min=_NEAR)
            (_L2_SHARE * difference + _CROSS_SHARE * _spread(styles)).backward()  # type: ignore[no-untyped-call]
            yield picture.detach(), float(difference.detach())
            optimiser.step()
            with torch.no_grad():
                for tensor, radius in zip(searched, radii, strict=True):
                    tensor.div_(_length(tensor)).mul_(radius)


def _length(x: Tensor) -> Tensor:
    """Return the lengths of vectors, whose numbers are all dimensions but the first two."""
    return (x.square().sum(tuple(range(2, x.ndim)), keepdim=True) + 1e-9).sqrt()


def _pace(step: int, steps: int) -> float:
    """Return the share of the rate at a step: up, down, and little in the last tenth."""
    most = 0.9 * steps
    if step < most:
        return (9 * (1 - abs(step / most - 0.5) * 2) + 1) / 10
    return 0.1 + (step - most) / (0.1 * steps) * (0.001 - 0.1)


def _spread(styles: Tensor) -> Tensor:
    """Return how far the layers' styles, (1, layers, style), are from each other, as angles."""
    one, other = styles[:, None], styles[:, :, None]
    apart = ((one - other).square().sum(-1) + 1e-9).sqrt()
    together = ((one + other).square().sum(-1) + 1e-9).sqrt()
    angles = 2 * torch.atan2(apart, together)
    return (angles.square() * styles.shape[-1]).mean((1, 2)).sum() / 8


def shrink(pictures: Tensor, factor: int) -> Tensor:
    """Return (N, C, H, W) pictures shrunk by a whole factor with a bicubic filter."""
    at = ((torch.arange(4 * factor) - 2 * factor + 0.5) / factor).abs()
    inner = 1.5 * at**3 - 2.5 * at**2 + 1
    outer = -0.5 * at**3 + 2.5 * at**2 - 4 * at + 2
    kernel = torch.where(at <= 1, inner, outer)
    kernel = (kernel / kernel.sum()).to(pictures).expand(pictures.shape[1], 1, -1)
    before = 3 * factor // 2
    after = 3 * factor - before
    channels = pictures.shape[1]
    rows = F.pad(pictures, (0, 0, before, after), "reflect")
    x = F.conv2d(rows, kernel[..., None], stride=(factor, 1), groups=channels)
    columns = F.pad(x, (before, after, 0, 0), "reflect")
    return F.conv2d(columns, kernel[:, :, None], stride=(1, factor), groups=channels)
