"""Give an untrained network its filters, by least squares: descent would take thousands of steps to them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from facewatch.restoration.networks.builtin import BANDS, FOLD, Block, Filters, Restorer, strengths_of
from training.pairs import tensor

_NOISE_FLOOR = 5e-5  # variance added before whitening: what is fainter is noise of 8-bit pictures
_RIDGE = 1e-3  # of the features' mean square
_UNSEEN = 1e-4  # a mean square below which differences count no more
_CALM = 0.3  # what the untrained blocks add, against the usual start
_ROUNDS = 40
_SOFTNESS = 0.5  # width of a kind's neighbourhood, of the mean squared distance to the nearest centre
_EVERY = 5  # position is looked at, each time another


@torch.no_grad()
def begin(network: Restorer, learned: npt.NDArray[np.uint8]) -> None:
    """Set the filters from pairs, (K, 2, 256, 256, 3), and calm the blocks."""
    given, clean = tensor(learned[:, 0]), tensor(learned[:, 1])
    filters = network.filters
    _whiten(filters, given)
    strengths = torch.cat([strengths_of(filters.bands(faces)) for faces in given.split(16)])
    _set_kinds(filters, strengths)
    _fit(filters, given, clean)
    for module in network.modules():
        if isinstance(module, Block):
            module.second.weight.mul_(_CALM)


def _whiten(filters: Filters, faces: Tensor) -> None:
    """Set the bands to the principal components of patches, each of unit variance."""
    patches = functional.pixel_unshuffle(faces, FOLD).flatten(2).transpose(1, 2).flatten(0, 1)[::7]
    mean = patches.mean(0)
    variances, components = torch.linalg.eigh(torch.cov((patches - mean).T))
    weight = components.T / torch.sqrt(variances[:, None] + _NOISE_FLOOR)
    filters.whiten.weight.copy_(weight[:, :, None, None])
    assert filters.whiten.bias is not None
    filters.whiten.bias.copy_(-weight @ mean)


def _set_kinds(filters: Filters, strengths: Tensor) -> None:
    """Set the judge to the neighbourhoods of k-means centres among (N, BANDS) strengths."""
    mean, spread = strengths.mean(0), strengths.std(0) + 1e-3
    points = (strengths - mean) / spread
    # Begin spread along the axis of most variety, which goes from blurred to noisy.
    order = (points @ torch.linalg.svd(points, full_matrices=False)[2][0]).argsort()
    centres = torch.stack([part.mean(0) for part in points[order].tensor_split(len(filters.bias))])
    for _ in range(_ROUNDS):
        nearest = torch.cdist(points, centres).argmin(1)
        centres = torch.stack(
            [points[nearest == k].mean(0) if (nearest == k).any() else c for k, c in enumerate(centres)]
        )
    width = _SOFTNESS * torch.cdist(points, centres).min(1).values.square().mean()
    weight = centres / width / spread
    filters.judge.weight.copy_(weight)
    filters.judge.bias.copy_(-0.5 * centres.square().sum(1) / width - weight @ mean)
    filters.usual.copy_(mean)
    filters.spread.copy_(spread)


def _fit(filters: Filters, given: Tensor, clean: Tensor) -> None:
    """Set each filter to the ridge regression of clean minus given on the bands, for faces of its kind."""
    kinds, _, _, side, _ = filters.weight.shape
    size = BANDS * side**2 + 1
    grams, crosses = torch.zeros(kinds, size, size), torch.zeros(kinds, size, BANDS)
    for number, (face, target) in enumerate(zip(given.split(1), clean.split(1), strict=True)):
        bands = filters.bands(face)
        shares = filters.shares(strengths_of(bands))[0]
        columns = functional.unfold(bands, side, padding=side // 2)[0, :, number % _EVERY :: _EVERY]
        columns = torch.cat([columns, torch.ones_like(columns[:1])])
        change = functional.pixel_unshuffle(target - face, FOLD).flatten(2)[0, :, number % _EVERY :: _EVERY]
        # A decibel counts the same on every face.
        shares = shares / (change.square().mean() + _UNSEEN)
        grams += shares[:, None, None] * (columns @ columns.T)
        crosses += shares[:, None, None] * (columns @ change.T)
    for place, (gram, cross) in enumerate(zip(grams, crosses, strict=True)):
        gram.diagonal().add_(_RIDGE * gram.diagonal().mean())
        solved = torch.linalg.solve(gram, cross)
        filters.weight[place].copy_(solved[:-1].T.reshape(BANDS, BANDS, side, side))
        filters.bias[place].copy_(solved[-1])
