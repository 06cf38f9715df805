"""Checkpoints of the further face networks in the form that their projects publish, with random weights.

As `published`; the forms were taken from each project's code, and `against_published` shows that this code
accepts them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.published import State, random_state, save_checkpoint

_BINOMIAL_3 = torch.tensor([1.0, 2.0, 1.0])
_BINOMIAL = torch.tensor([1.0, 3.0, 3.0, 1.0])


def gpen(path: Path, size: int = 512, *, width: float = 1.0) -> Path:
    """Write GPEN for faces of `size` pixels, a plain state dict, 284 MB at 512.

    width  factor of all channels; the 256 px network is published with a half, and half as many above 32 px
    """
    from facewatch.restoration.networks.gpen import GPEN
    from facewatch.restoration.networks.state_dict import blank

    above = 256 if size > 256 else 128
    channels = [512, 512, 512, 512, *(above * 2 // 2**halvings for halvings in range(6))]
    used = [int(count * width) for count in channels[: size.bit_length() - 2]]
    with blank():
        shapes = GPEN(used, 512, 8).state_dict()
    generator = torch.Generator().manual_seed(size)
    state: State = {}
    for key, tensor in shapes.items():
        if key.endswith("kernel"):
            state[key] = torch.outer(_BINOMIAL, _BINOMIAL) / (64 if key.startswith("ecd") else 16)
        elif key.endswith("modulation.bias"):
            state[key] = torch.ones(tensor.shape)
        elif key.endswith("noise.weight"):
            state[key] = torch.full(tensor.shape, 0.3)
        else:  # scaled by their number when they are used
            spread = 0.1 if key.endswith("bias") else 100.0 if ".style." in key else 1.0
            state[key] = torch.randn(tensor.shape, generator=generator) * spread
            if "to_rgb" in key and key.endswith("conv.weight"):
                state[key] *= 0.1
    return save_checkpoint(state, path)


def restoreformer_plus_plus(path: Path) -> Path:
    """Write RestoreFormer++ as its release carries it, 294 MB, keys prefixed with `vqvae.`."""
    from facewatch.restoration.networks.restoreformer_plus import skeleton

    state = random_state(skeleton, seed=5)
    state["decoder.conv_out.weight"].mul_(0.3)
    return save_checkpoint({"state_dict": {f"vqvae.{key}": tensor for key, tensor in state.items()}}, path)


def vqfr1(
    path: Path, channels: Sequence[int] = (128, 128, 256, 256, 256, 512), codes: int = 1024, width: int = 256
) -> Path:
    """Write VQFR v1 for faces of 16 * 2 ** (len(channels) - 1) pixels."""
    from facewatch.restoration.networks.vqfr1 import VQFR1

    state = random_state(lambda: VQFR1(channels, codes, width, 32), seed=1)
    for key, tensor in state.items():
        if "conv_offset.weight" in key:
            tensor.mul_(2)
        elif key == "main_decoder.conv_out.0.weight":
            tensor.mul_(0.3)
    return save_checkpoint({"params_ema": state}, path)


def vqfr2(
    path: Path, channels: Sequence[int] = (64, 128, 128, 256, 256, 512), codes: int = 1024, width: int = 256
) -> Path:
    """Write VQFR v2 for faces of 16 * 2 ** (len(channels) - 1) pixels."""
    from facewatch.restoration.networks.vqfr2 import VQFR2

    state = random_state(lambda: VQFR2(channels, codes, width, 32), seed=2)
    for key, tensor in state.items():
        if "conv_offset.weight" in key:
            tensor.mul_(2)
        elif key == "decoder.conv_out.2.weight":
            tensor.mul_(0.3)
    return save_checkpoint({"params_ema": state}, path)


def dmdnet(path: Path, entries: int = 128) -> Path:
    """Write DMDNet, a plain state dict; `entries` of each dictionary, 128 in the published file."""
    from facewatch.restoration.networks.dmdnet import DMDNet

    state = random_state(lambda: DMDNet(entries), seed=6)
    for key, tensor in state.items():
        if key.endswith("_orig"):  # the stored vectors are such that it is divided by one
            left, right = state[key.replace("_orig", "_u")], state[key.replace("_orig", "_v")]
            left.div_(left.norm())
            right.div_(left @ (tensor.flatten(1) @ right))
        elif "_mem_" in key:
            tensor.mul_(40)
    return save_checkpoint(state, path)


def dfdnet(path: Path, width: int = 64) -> Path:
    """Write DFDNet, a plain state dict, 1.1 GB; the layers of VGG-19 are in it twice, with one storage.

    width  of its first layer; small ones have a small classifier, too
    """
    from facewatch.restoration.networks.dfdnet import DFDNet

    hidden = 64 * width
    classifier = [(hidden, 8 * width * 49), (hidden, hidden), (1000 * width // 64, hidden)]
    state = random_state(lambda: DFDNet(width, classifier, {}), seed=8)
    if width < 64:
        state["up4.4.weight"].mul_(3)  # the output of a small one is faint
    kernel = torch.outer(_BINOMIAL_3, _BINOMIAL_3) / 16
    for key, tensor in list(state.items()):
        if key.startswith("dictionaries."):
            del state[key]
        elif key.endswith("_orig"):  # the stored vectors are such that it is divided by one
            left, right = state[key.replace("_orig", "_u")], state[key.replace("_orig", "_v")]
            left.div_(left.norm())
            right.div_(left @ (tensor.flatten(1) @ right))
        elif key.endswith(("0.weight", "0.weight_flip")) and ".conv1.0." in key:
            tensor.copy_(kernel.expand(tensor.shape))
        elif key.endswith("RGB_mean"):
            tensor.copy_(torch.tensor([0.485, 0.456, 0.406]).reshape(tensor.shape))
        elif key.endswith("RGB_std"):
            tensor.copy_(torch.tensor([0.229, 0.224, 0.225]).reshape(tensor.shape))
        elif key.startswith("VggExtract.features."):
            state[key] = state[f"VggExtract.model.features.{key.split('.', 3)[3]}"]
    return save_checkpoint(state, path)


def dfdnet_dictionaries(path: Path, entries: int = 3, width: int = 64) -> Path:
    """Write DFDNet's dictionaries: the published folder as a zip, arrays of rows, float32."""
    from facewatch.restoration.networks.dfdnet_dictionaries import LEVELS, PART_SIDES

    rng = np.random.default_rng(9)
    with zipfile.ZipFile(path, "w") as archive:
        for size, level in LEVELS.items():
            for part, side in PART_SIDES.items():
                numbers = level * width * (side * size // 512) ** 2
                array = rng.standard_normal((entries, numbers), np.float32)
                with archive.open(f"DictionaryCenter512/{part}_{size}_center.npy", "w") as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)
    return path


def pulse(path: Path, size: int = 1024, most: int = 512) -> Path:
    """Write PULSE's synthesis network for faces of `size` pixels, a plain state dict, 105 MB at 1024.

    most  channels of a layer at most
    """
    from facewatch.restoration.networks.stylegan import StyleGAN

    channels = [min(16384 >> level, most) for level in range(2, size.bit_length())]
    state = random_state(lambda: StyleGAN(channels, 512), seed=10)
    generator = torch.Generator().manual_seed(10)
    for key, tensor in state.items():
        if key.endswith("kernel"):
            tensor.copy_(torch.outer(_BINOMIAL_3, _BINOMIAL_3) / 16)
        elif key.endswith("noise.weight"):
            tensor.fill_(0.1)
        elif key.endswith(".weight"):  # scaled by their number when they are used
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * (0.3 if "torgb" in key else 1))
    return save_checkpoint(state, path)


def pulse_latents(path: Path, style: int = 512) -> Path:
    """Write the statistics of PULSE's styles, 4.5 KB, a plain state dict."""
    generator = torch.Generator().manual_seed(11)
    mean, deviation = torch.randn((2, style), generator=generator)
    return save_checkpoint({"mean": mean * 0.3, "std": deviation.abs() + 0.5}, path)


FORMS: dict[str, Callable[[Path], Path]] = {
    "restoreformer++": restoreformer_plus_plus,
    "vqfr-1": vqfr1,
    "vqfr-2": vqfr2,
    "dmdnet": dmdnet,
    "dfdnet": dfdnet,
    "pulse": pulse,
    "gpen-256": lambda path: gpen(path, 256, width=0.5),
    "gpen-512": gpen,
    "gpen-1024": lambda path: gpen(path, 1024),
    "gpen-2048": lambda path: gpen(path, 2048),
}
"""Writer of each model, by its name in the catalogue."""
SECOND: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "dfdnet": ("second.zip", dfdnet_dictionaries),
    "pulse": ("second.pt", pulse_latents),
}
"""Name and writer of the second file of the models that have one."""
