"""Give an untrained network a start that descent would take thousands of steps to find.

The head whitens its input, on the assumption that random features of plain pixels hold mostly brightness. The
tail is fitted by least squares to what the untrained features predict.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from training.network import FOLD, Block, Restorer, Tail, strengths
from training.samples import Batch, scaled

_NOISE_FLOOR = 2e-4  # variance added before whitening: what is fainter is noise of 8-bit pictures
_RIDGE = 3e-3  # of the features' mean square
_CALM = 0.3  # what the untrained blocks add, against the usual start: the tail then sees the head's detail
_UNSEEN = 5e-5  # a mean square below what the eye sees
_ROUNDS = 30
_SOFTNESS = 0.5  # width of a kind's neighbourhood, of the mean squared distance to the nearest centre


@torch.no_grad()
def begin(network: Restorer, batches: Sequence[Batch]) -> None:
    """Set the head and the tail from some batches; only faces known at 512 count."""
    cpu = torch.device("cpu")
    pairs = [(scaled(b.inputs[b.sharp], cpu), scaled(b.targets[b.sharp], cpu)) for b in batches]
    whiten(network, torch.cat([_patches(given) for given, _ in pairs]))
    for module in network.modules():
        if isinstance(module, Block):
            module.second.weight.mul_(_CALM)
    bands = [strengths(network.head(functional.pixel_unshuffle(given, FOLD))) for given, _ in pairs]
    set_kinds(network.tail, torch.cat(bands))
    fit_tail(network, pairs)


def whiten(network: Restorer, patches: Tensor) -> None:
    """Set the head to the principal components of (K, 192) patches, each of unit variance."""
    mean = patches.mean(0)
    variances, components = torch.linalg.eigh(torch.cov((patches - mean).T))
    width = network.head.weight.shape[0]
    weight = components[:, -width:].T / torch.sqrt(variances[-width:, None] + _NOISE_FLOOR)
    network.head.weight.copy_(weight[:, :, None, None])
    assert network.head.bias is not None
    network.head.bias.copy_(-weight @ mean)


def set_kinds(tail: Tail, bands: Tensor) -> None:
    """Set the judge to the neighbourhoods of k-means centres among (N, C) strengths of bands."""
    mean, spread = bands.mean(0), bands.std(0) + 1e-3
    points = (bands - mean) / spread
    kinds = len(tail.bias)
    # Begin spread along the axis of most variety, which goes from blurred to noisy.
    order = (points @ torch.linalg.svd(points, full_matrices=False)[2][0]).argsort()
    centres = torch.stack([part.mean(0) for part in points[order].tensor_split(kinds)])
    for _ in range(_ROUNDS):
        nearest = torch.cdist(points, centres).argmin(1)
        centres = torch.stack(
            [points[nearest == k].mean(0) if (nearest == k).any() else centres[k] for k in range(kinds)]
        )
    width = _SOFTNESS * torch.cdist(points, centres).min(1).values.square().mean()
    weight = centres / width / spread
    tail.judge.weight.copy_(weight)
    tail.judge.bias.copy_(-0.5 * centres.square().sum(1) / width - weight @ mean)


def fit_tail(network: Restorer, pairs: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Set each filter to the ridge regression of clean minus given on the features, for faces of its kind."""
    seen: list[tuple[Tensor, Tensor]] = []
    hook = network.tail.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs))
    (kinds, folded), channels = network.tail.bias.shape, network.tail.weight.shape[1]
    filters = network.tail.weight.view(kinds, folded, channels, 3, 3)
    grams = torch.zeros(kinds, 9 * channels + 1, 9 * channels + 1)
    crosses = torch.zeros(kinds, 9 * channels + 1, folded)
    for given, clean in pairs:
        network(given)
        features, shares = seen.pop()
        columns = functional.unfold(features, 3, padding=1)[:, :, ::3]
        columns = torch.cat([columns, torch.ones_like(columns[:, :1])], 1)
        change = functional.pixel_unshuffle(clean - given, FOLD).flatten(2)[:, :, ::3]
        # A decibel counts the same on every face, as in the loss.
        shares = shares / (change.square().mean((1, 2)) + _UNSEEN)[:, None]
        grams = grams + torch.einsum("nk,nij->kij", shares, columns @ columns.mT)
        crosses = crosses + torch.einsum("nk,nij->kij", shares, columns @ change.mT)
    hook.remove()
    for place, (gram, cross) in enumerate(zip(grams, crosses, strict=True)):
        gram.diagonal().add_(_RIDGE * gram.diagonal().mean())
        solved = torch.linalg.solve(gram, cross)
        filters[place].copy_(solved[:-1].T.reshape(filters[place].shape))
        network.tail.bias[place].copy_(solved[-1])


def _patches(faces: Tensor) -> Tensor:
    """Return every seventh patch of (N, 3, 512, 512) faces, (K, 192)."""
    return functional.pixel_unshuffle(faces, FOLD).flatten(2).transpose(1, 2).flatten(0, 1)[::7]
