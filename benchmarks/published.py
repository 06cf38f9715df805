"""Checkpoints in the form that the projects publish, with random weights.

Keys and shapes are those that the networks load strictly; nesting, prefixes and container are what the
projects' own loaders expect and what fits the published sizes best, as the real files were not available.
The numbers are the same every time. Each function writes one file and returns its path.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

State = dict[str, torch.Tensor]


def gfpgan(path: Path) -> Path:
    """Write GFPGAN 1.3 and 1.4 ("clean"), 349 MB; its output is noise around grey that follows the input."""
    from spandrel.architectures.GFPGAN import GFPGAN

    state = random_state(GFPGAN, seed=14)
    for key, tensor in state.items():
        if "stylegan_decoder" in key and key.endswith("modulation.bias"):
            tensor.fill_(1.0)
        elif "to_rgb" in key and key.endswith("modulated_conv.weight"):
            tensor.mul_(0.03)
        elif tensor.numel() == 1:  # strength of a layer's fixed noise
            tensor.mul_(0.1)
    return save_checkpoint({"params_ema": state}, path, legacy=True)


def restoreformer(path: Path) -> Path:
    """Write RestoreFormer as GFPGAN's releases carry it, 291 MB."""
    from spandrel.architectures.RestoreFormer import RestoreFormer

    state = random_state(RestoreFormer, seed=4)
    state["decoder.conv_out.weight"].mul_(0.3)
    return save_checkpoint({"params": state}, path, legacy=True)


def codeformer(path: Path) -> Path:
    """Write CodeFormer, 376 MB."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses a deprecated call of torch
        from spandrel_extra_arches.architectures.CodeFormer import CodeFormer

    state = random_state(CodeFormer, seed=7)
    last = max(int(key.split(".")[2]) for key in state if key.startswith("generator.blocks."))
    state[f"generator.blocks.{last}.weight"].mul_(0.3)
    return save_checkpoint({"params_ema": state}, path)


def retinaface_mobilenet(path: Path) -> Path:
    """Write RetinaFace MobileNet 0.25, 1.8 MB, keys prefixed with `module.`; it finds no face anywhere."""
    return _retinaface(path, "mobile0.25", seed=25)


def retinaface_resnet50(path: Path) -> Path:
    """Write RetinaFace ResNet-50, 109 MB, keys prefixed with `module.`; it finds no face anywhere."""
    return _retinaface(path, "resnet50", seed=50)


def parsenet(path: Path) -> Path:
    """Write ParseNet, 85 MB, a plain state dict."""
    from facexlib.parsing.parsenet import ParseNet

    return save_checkpoint(
        random_state(lambda: ParseNet(512, 512, parsing_ch=19), seed=19), path, legacy=True
    )


def realesrgan_x2(path: Path) -> Path:
    """Write Real-ESRGAN x2plus, 67 MB: pixels unshuffled to 12 channels, then the x4 network."""
    return save_checkpoint({"params_ema": _rrdbnet(input_channels=12, seed=2)}, path)


def realesrgan_x4(path: Path) -> Path:
    """Write Real-ESRGAN x4plus, 67 MB."""
    return save_checkpoint({"params_ema": _rrdbnet(input_channels=3, seed=4)}, path)


def realesr_general(path: Path) -> Path:
    """Write realesr-general-x4v3, 5 MB: 32 plain convolutions of 64 channels with PReLU."""
    shapes = {"body.0.weight": (64, 3, 3, 3), "body.0.bias": (64,), "body.1.weight": (64,)}
    for layer in range(2, 66, 2):
        shapes |= {f"body.{layer}.weight": (64, 64, 3, 3), f"body.{layer}.bias": (64,)}
        shapes[f"body.{layer + 1}.weight"] = (64,)
    shapes |= {"body.66.weight": (48, 64, 3, 3), "body.66.bias": (48,)}
    state = _fill({key: torch.empty(shape, device="meta") for key, shape in shapes.items()}, seed=43)
    for layer in range(1, 66, 2):
        state[f"body.{layer}.weight"].fill_(0.25)
    state["body.66.weight"].mul_(0.02)
    return save_checkpoint({"params": state}, path)


FORMS: dict[str, Callable[[Path], Path]] = {
    "gfpgan-1.4": gfpgan,
    "restoreformer": restoreformer,
    "codeformer": codeformer,
    "retinaface-mobilenet": retinaface_mobilenet,
    "retinaface-resnet50": retinaface_resnet50,
    "parsenet": parsenet,
    "realesrgan-x2": realesrgan_x2,
    "realesrgan-x4": realesrgan_x4,
    "realesr-general": realesr_general,
}
"""Writer of each model, by its name in the catalogue."""


def _retinaface(path: Path, network_name: str, seed: int) -> Path:
    from facexlib.detection.retinaface import RetinaFace

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # facexlib uses a deprecated call of torchvision
        network = RetinaFace(network_name=network_name, device="cpu")
    state = _fill(network.state_dict(), seed)
    for key, tensor in state.items():
        if key.startswith("ClassHead") and key.endswith("bias"):
            tensor.copy_(
                torch.tensor([6.0, -6.0]).repeat(len(tensor) // 2)
            )  # background, face, for each anchor
        elif "Head" in key:
            tensor.mul_(0.05)
    return save_checkpoint({f"module.{key}": tensor for key, tensor in state.items()}, path, legacy=True)


def _rrdbnet(input_channels: int, seed: int) -> State:
    """Return RRDBNet of 23 blocks, 64 features growing by 32, by its published key names."""
    shapes: dict[str, tuple[int, ...]] = {"conv_first": (64, input_channels)}
    for block in range(23):
        for part in (1, 2, 3):
            for conv in range(1, 6):
                shapes[f"body.{block}.rdb{part}.conv{conv}"] = (32 if conv < 5 else 64, 32 + 32 * conv)
    shapes |= dict.fromkeys(("conv_body", "conv_up1", "conv_up2", "conv_hr"), (64, 64))
    shapes["conv_last"] = (3, 64)
    empty: State = {}
    for name, (after, before) in shapes.items():
        empty[f"{name}.weight"] = torch.empty(after, before, 3, 3, device="meta")
        empty[f"{name}.bias"] = torch.empty(after, device="meta")
    state = _fill(empty, seed)
    state["conv_last.weight"].mul_(0.02)
    state["conv_last.bias"].fill_(0.5)
    return state


def random_state(build: Callable[[], torch.nn.Module], seed: int) -> State:
    with torch.device("meta"):
        network = build()
    return _fill(network.state_dict(), seed)


def _fill(shapes: State, seed: int) -> State:
    generator = torch.Generator().manual_seed(seed)
    return {key: _tensor(key, tensor, generator) for key, tensor in shapes.items()}


def _tensor(key: str, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return random numbers that keep a signal's size from layer to layer."""
    if not like.dtype.is_floating_point:
        return torch.zeros(like.shape, dtype=like.dtype)
    if key.endswith("running_var"):
        return torch.ones(like.shape)
    if key.endswith(("running_mean", "bias")):
        return torch.randn(like.shape, generator=generator) * 0.02
    if like.ndim == 1:  # the scale of a norm
        return 1.0 + torch.randn(like.shape, generator=generator) * 0.02
    spread = 1.0 if ".noises." in key else 1 / math.sqrt(math.prod(like.shape[1:]))
    return torch.randn(like.shape, generator=generator) * spread


def save_checkpoint(content: object, path: Path, *, legacy: bool = False) -> Path:
    """Write a zip, or the plain pickle from before torch 1.6, which cannot be mapped into memory.

    The published sizes show which: GFPGAN, RestoreFormer, RetinaFace and ParseNet are too small to be zips.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path
