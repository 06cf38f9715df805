"""Measure how far restored faces are from the clean ones, at half the crop's size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.sface import SFace

BOXES = ((193, 240, 44, 28), (319, 240, 44, 28), (257, 371, 72, 36))
"""Eyes and mouth in a crop of 512: centre x and y, half width and half height."""
_ELSEWHERE = 0.15  # what the gradients count outside the eyes and the mouth
_FREQUENCY = 0.05  # what the spectra count beside the pixels
_UNSEEN = 0.08  # added to the input's distance, or clean faces would rule


def importance(given: Tensor, clean: Tensor) -> Tensor:
    """Return what each face counts, (N,): the inverse of how far its input is from the clean face."""
    error = (given - clean).square().mean((1, 2, 3)).sqrt()
    return 1 / (error + _UNSEEN)


def distance(restored: Tensor, clean: Tensor, counts: Tensor) -> Tensor:
    """Return Charbonnier's distance and that of the spectra of (N, 3, H, W) faces, weighted by `counts`."""
    difference = restored - clean
    spectrum = torch.fft.rfft2(difference, norm="ortho")
    pixels = torch.sqrt(difference.square() + 1e-6).mean((1, 2, 3))
    # An absolute value whose gradient stays finite at zero.
    frequencies = torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-8).mean((1, 2, 3))
    return (counts * (pixels + _FREQUENCY * frequencies)).mean()


def flatness(restored: Tensor, clean: Tensor) -> Tensor:
    """Return the share of the clean face's gradients, in eyes and mouth most, that is missing.

    restored, clean  (N, 3, 256, 256), 0-1

    Only what runs along the clean face's own gradients counts: the mere length of the gradients would
    reward a pattern of dots.
    """
    weight = _weights().to(restored)
    ours, true = _gradients(restored), _gradients(clean)
    missing = 1 - (weight * ours * true).sum((1, 2, 3)) / (weight * true.square()).sum((1, 2, 3))
    return functional.relu(missing).mean()


class Perception(nn.Module):
    """Compare faces as networks see them that were trained for something else: SFace and RetinaFace.

    weights  folder of SFace and of retinaface_mobilenet0.25.pth
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self._sface = SFace(weights)
        self._edges = DetectorFeatures(weights / "retinaface_mobilenet0.25.pth")

    def forward(
        self, restored: Tensor, given: Tensor, clean: Tensor, glance: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return how far the person is from the clean face's, and the distance of the features.

        restored, given, clean  (N, 3, 256, 256) whole faces, 0-1
        glance                  where SFace looks (`glances`); None: at the aligned face

        The person's distance is 1 minus the cosine of the embeddings; what a face has lost against its
        input counts twice.
        """
        embedding, features = self._sface(restored, glance)
        features += self._edges(restored)
        with torch.no_grad():
            wanted, true_features = self._sface(clean, glance)
            true_features += self._edges(clean)
            before = (self._sface(given, glance)[0] * wanted).sum(1)
        distances = [
            (ours - true).abs().mean() / true.abs().mean()
            for ours, true in zip(features, true_features, strict=True)
        ]
        similarity = (embedding * wanted).sum(1)
        person = 1 - similarity + functional.relu(before - similarity)
        return person.mean(), torch.stack(distances).mean()


def glances(draw: np.random.Generator) -> Tensor:
    """Return a similarity, (2, 3), by which SFace's crop is shifted, turned and scaled a little.

    A network that learns from one fixed crop learns what pleases SFace there; what holds for many crops
    is more often what other networks see too.
    """
    angle, scale = draw.normal(0, 0.06), draw.normal(1, 0.05)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    shift_x, shift_y = draw.normal(0, 0.03, 2)
    return torch.tensor([[cosine, -sine, shift_x], [sine, cosine, shift_y]], dtype=torch.float32)


class DetectorFeatures(nn.Module):
    """Give the first features of RetinaFace MobileNet (MIT): edges and strokes at three scales."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        state = torch.load(file, map_location="cpu", weights_only=True)
        self._layers: list[tuple[Tensor, Tensor, int]] = []
        for block, stride in enumerate((2, 1, 2, 1, 2, 1)):
            for conv, norm in ((0, 1),) if block == 0 else ((0, 1), (3, 4)):
                stem = f"body.stage1.{block}."
                scale = state[f"{stem}{norm}.weight"] / torch.sqrt(state[f"{stem}{norm}.running_var"] + 1e-5)
                shift = state[f"{stem}{norm}.bias"] - state[f"{stem}{norm}.running_mean"] * scale
                weight = state[f"{stem}{conv}.weight"] * scale[:, None, None, None]
                self._layers.append((weight, shift, stride if conv == 0 else 1))

    def forward(self, faces: Tensor) -> list[Tensor]:
        """Return features of three scales for (N, 3, S, S) RGB, 0-1."""
        x = faces.flip(1) * 255 - torch.tensor((104.0, 117.0, 123.0)).to(faces)[:, None, None]
        found = []
        for place, (weight, shift, stride) in enumerate(self._layers):
            groups = 1 if weight.shape[1] > 1 or weight.shape[-1] == 1 else x.shape[1]
            x = functional.conv2d(x, weight.to(x), shift.to(x), stride, weight.shape[-1] // 2, 1, groups)
            x = functional.leaky_relu(x, 0.1)
            if place in (2, 6, 10):
                found.append(x)
        return found


def _gradients(faces: Tensor) -> Tensor:
    """Return the luma's differences across and down, (N, 2, S, S)."""
    luma = (faces * torch.tensor((0.299, 0.587, 0.114)).to(faces)[:, None, None]).sum(1, keepdim=True)
    luma = functional.pad(luma, (0, 1, 0, 1), mode="replicate")
    corner = luma[:, :, :-1, :-1]
    return torch.cat((luma[:, :, :-1, 1:] - corner, luma[:, :, 1:, :-1] - corner), 1)


def _weights() -> Tensor:
    """Return what each place of a face of 256 counts, (1, 1, 256, 256)."""
    weight = torch.full((1, 1, 256, 256), _ELSEWHERE)
    for x, y, half_width, half_height in BOXES:
        rows = slice((y - half_height) // 2, (y + half_height) // 2)
        weight[:, :, rows, (x - half_width) // 2 : (x + half_width) // 2] = 1
    return weight
