"""Measure how far a restored face is from the clean one.

A face saved at 256 has no finer truth: what is measured on it is measured after an area mean of 2 x 2 pixels.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.sface import SFace

FACE_CORNER, FACE_SIDE = 64, 384
"""The window that holds the face: left and top, and side."""

_BOXES = ((193, 240, 44, 28), (319, 240, 44, 28), (257, 371, 72, 36))
"""Eyes and mouth in a crop: centre x and y, half width and half height."""
_ELSEWHERE = 0.15  # what the steepness counts outside the eyes and the mouth
_TILE = 16
_UNSEEN = 4e-3  # an invisible distance, one step of 8 bits; without it clean faces would rule


def pixel_and_frequency(restored: Tensor, clean: Tensor, sharp: Tensor, frequency: float) -> Tensor:
    """Return the mean over the faces of the logarithm of a distance.

    restored, clean  (N, 3, S, S), 0-1
    sharp            (N,) bool; the other faces are compared at half the size

    The distance is Charbonnier's plus `frequency` times that of the spectra. Its logarithm makes
    a decibel count the same on a face that is nearly clean and on one that is hardly a face.
    """
    difference = restored - clean
    fine, coarse = difference[sharp], functional.avg_pool2d(difference[~sharp], 2)
    total = restored.new_zeros(())
    for part in (fine, coarse):
        if len(part):
            spectrum = torch.fft.rfft2(part, norm="ortho")
            pixels = torch.sqrt(part * part + 1e-6).mean((1, 2, 3))
            distance = pixels + frequency * _magnitude(spectrum).mean((1, 2, 3))
            total = total + torch.log(distance + _UNSEEN).sum() / len(restored)
    return total


def steepness(restored: Tensor, clean: Tensor, sharp: Tensor) -> Tensor:
    """Return how much the mean gradient differs, tile by tile, against that of the clean face.

    restored, clean  (N, 3, 384, 384), the face's window, 0-1

    An average of likely faces is flatter than each of them; the gradient's size in a tile says so without
    asking where exactly an edge lies. Eyes and mouth count most.
    """
    importance = _importance().to(restored)
    total = restored.new_zeros(())
    for chosen, shrink in ((sharp, 1), (~sharp, 2)):
        count = int(chosen.sum())
        if count:
            maps = [_gradient(functional.avg_pool2d(faces[chosen], shrink)) for faces in (restored, clean)]
            tiles = [functional.avg_pool2d(each, _TILE // shrink) for each in maps]
            weighted = (tiles[0] - tiles[1]).abs() * importance
            total = total + weighted.sum() / (tiles[1] * importance).sum() * (count / len(restored))
    return total


class Perception(nn.Module):
    """Compare faces as networks see them that were trained for something else: SFace and RetinaFace.

    weights  folder of SFace and of retinaface_mobilenet0.25.pth
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self._sface = SFace(weights)
        self._edges = DetectorFeatures(weights / "retinaface_mobilenet0.25.pth")

    def forward(self, restored: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
        """Return 1 minus the cosine of the embeddings, and the distance of the features.

        restored, clean  (N, 3, 384, 384), the face's window, 0-1; what SFace sees beyond it is 8 pixels wide
        """
        rim = (512 - FACE_SIDE) // 2
        whole = [functional.pad(faces, (rim,) * 4, mode="replicate") for faces in (restored, clean)]
        embedding, features = self._sface(whole[0])
        features += self._edges(functional.avg_pool2d(restored, 2))
        with torch.no_grad():
            wanted, true_features = self._sface(whole[1])
            true_features += self._edges(functional.avg_pool2d(clean, 2))
        distances = [
            (ours - true).abs().mean() / true.abs().mean()
            for ours, true in zip(features, true_features, strict=True)
        ]
        return 1 - (embedding * wanted).sum(1).mean(), torch.stack(distances).mean()


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


def _gradient(faces: Tensor) -> Tensor:
    """Return the length of the luma's gradient, (N, 1, S, S)."""
    luma = (faces * torch.tensor((0.299, 0.587, 0.114)).to(faces)[:, None, None]).sum(1, keepdim=True)
    luma = functional.pad(luma, (1, 1, 1, 1), mode="replicate")
    across = luma[:, :, 1:-1, 2:] - luma[:, :, 1:-1, :-2]
    down = luma[:, :, 2:, 1:-1] - luma[:, :, :-2, 1:-1]
    return torch.sqrt(across**2 + down**2 + 1e-6)


def _importance() -> Tensor:
    """Return what each tile of the face's window counts, (1, 1, 24, 24)."""
    weight = torch.full((1, 1, FACE_SIDE, FACE_SIDE), _ELSEWHERE)
    for x, y, half_width, half_height in _BOXES:
        left, top = x - FACE_CORNER, y - FACE_CORNER
        weight[:, :, top - half_height : top + half_height, left - half_width : left + half_width] = 1
    return functional.avg_pool2d(weight, _TILE)


def _magnitude(spectrum: Tensor) -> Tensor:
    """Return the absolute value with a gradient that stays finite at zero."""
    return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-8)
