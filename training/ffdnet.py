"""Read FFDNet (Zhang et al., 2018) as it is published, to measure a denoiser that learned beside ours.

The weights lie in cszn/FFDNet, `models/FFDNet_color.mat`. h5py reads them; facewatch does not install it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.degradations import Pixels, to_pixels


class FFDNet:
    """Remove noise of a known strength from a colour picture."""

    def __init__(self, file: Path) -> None:
        """Load `FFDNet_color.mat`; raise ValueError when it holds another network."""
        import h5py

        with h5py.File(file) as stored:
            layers = [stored[reference] for reference in stored["net/layers"][:].ravel()]
            weights = [_weights(stored, layer) for layer in layers if _kind(layer) == "conv"]
        if not weights or weights[0][0].shape[1] != 13:
            message = f"{file} holds no FFDNet for colour pictures. Take models/FFDNet_color.mat."
            raise ValueError(message)
        self._weights = weights

    def __call__(self, picture: Pixels, noise: float) -> Pixels:
        """Return the picture, (H, W, 3) uint8 RGB, without noise of this standard deviation, 0-255."""
        height, width = picture.shape[:2]
        # The file stores the axes in the reverse order, so the picture is turned instead of every kernel.
        x = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 1, 0)[None].float() / 255
        x = nn.functional.pad(x, (0, height % 2, 0, width % 2), mode="replicate")
        x = nn.functional.pixel_unshuffle(x, 2)
        x = torch.cat((x, x.new_full((1, 1, *x.shape[2:]), noise / 255)), 1)
        for weight, bias in self._weights[:-1]:
            x = nn.functional.relu(nn.functional.conv2d(x, weight, bias, padding=1))
        x = nn.functional.conv2d(x, *self._weights[-1], padding=1)
        return to_pixels(
            255 * nn.functional.pixel_shuffle(x, 2)[0, :, :width, :height].permute(2, 1, 0).numpy()
        )


def _kind(layer: Any) -> str:
    return bytes(layer["type"][:].ravel().astype(np.uint8)).decode()


def _weights(stored: Any, layer: Any) -> tuple[Tensor, Tensor]:
    """Return a convolution's kernels, (out, in, width, height), and biases."""
    kernels, biases = (stored[reference][:] for reference in layer["weights"][:].ravel())
    return torch.from_numpy(kernels), torch.from_numpy(biases.ravel())
