"""Face restoration networks: crops in, crops out. The door to spandrel for faces."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from spandrel import (
    MAIN_REGISTRY,
    ArchRegistry,
    ArchSupport,
    ImageModelDescriptor,
    MaskedImageModelDescriptor,
)

from facewatch.errors import BadCheckpoint, NetworkFailed
from facewatch.restoration.networks.device import free_cache
from facewatch.restoration.networks.fast import Forward, Precision, codeformer, gfpgan, restoreformer
from facewatch.restoration.networks.state_dict import StateDict, blank, read_state_dict
from facewatch.restoration.networks.torch_errors import (
    first_lines,
    means_memory,
    to_facewatch_error,
    translate_torch_errors,
)
from facewatch.restoration.types import CROP_SIZE, Crop

Descriptor: TypeAlias = ImageModelDescriptor[Any] | MaskedImageModelDescriptor[Any]

_BATCH_ON_CARD = 4
_BATCH_ON_CPU = 1  # a processor gains nothing from more faces at once, and each needs over a gigabyte


@dataclass(frozen=True)
class _Architecture:
    """A network that is computed in a faster form than the one it was published in."""

    build: Callable[[StateDict, str, Precision], Forward]
    takes_weight: bool = False


_ARCHITECTURES: dict[str, _Architecture] = {
    "GFPGAN": _Architecture(gfpgan.build),
    "RestoreFormer": _Architecture(restoreformer.build),
    "CodeFormer": _Architecture(codeformer.build, takes_weight=True),
}
_PURPOSES = {
    "SR": "an upscaler: put it under background",
    "Restoration": "a restorer of whole pictures, which facewatch does not use",
    "Inpainting": "a network that fills holes, which facewatch does not use",
}
_STRANGERS = {
    "BboxHead.0.conv1x1.weight": "RetinaFace, a face detector: put it under detector",
    "out_mask_conv.conv2d.weight": "ParseNet, which draws the mask of a face, and restores none",
}


class TorchNetwork:
    """A face network on its device; the form FaceNetwork."""

    def __init__(
        self,
        name: str,
        forward: Forward,
        device: str,
        *,
        takes_weight: bool,
        precision: Precision = "float32",
        batch: int | None = None,
    ) -> None:
        """
        name          as the catalogue or the user calls the model
        forward       the network itself, already on `device`
        takes_weight  whether the network heeds the weight; if not, the crop is blended back in
        precision     what it computes in
        batch         faces computed at once, at first; by the device when not given
        """
        self.name = name
        self.device = device
        self.precision = precision
        self._forward = forward
        self._takes_weight = takes_weight
        self.batch = batch or (_BATCH_ON_CPU if device == "cpu" else _BATCH_ON_CARD)

    def restore(self, crops: Sequence[Crop], weight: float) -> list[Crop]:
        """One restored crop for each crop; weight 0 = all restoration, 1 = closest to the original.

        Out of memory, it goes on with half as many faces at once, down to one, and stays with that.
        Raises OutOfMemory when not even one face fits, NetworkFailed when an output is not a picture, and
        DeviceFailed when the device itself is in trouble.
        """
        restored: list[Crop] = []
        while len(restored) < len(crops):
            next_ones = crops[len(restored) : len(restored) + self.batch]
            try:
                restored += self._restore_batch(next_ones, weight)
                continue
            except (RuntimeError, MemoryError) as error:
                if len(next_ones) == 1 or not means_memory(error):
                    raise to_facewatch_error(error, f"restore a face with {self.name}") from error
            # Only here, past the except block, are the failed batch's tensors let go.
            with translate_torch_errors("let go of what it had kept"):
                free_cache(self.device)
            self.batch = len(next_ones) // 2
        return restored

    def forward(self, crops: Sequence[Crop], weight: float) -> torch.Tensor:
        """What the network makes of the crops, before clamping, blending and rounding.

        returns    (N, 3, 512, 512) float32 RGB on the network's device, [-1, 1] and a little beyond
        """
        with torch.inference_mode(), _exact():
            return self._forward(self._as_bytes(crops) / 127.5 - 1, weight)

    def _restore_batch(self, crops: Sequence[Crop], weight: float) -> list[Crop]:
        with torch.inference_mode():
            output = self.forward(crops, weight)
            if output.shape != (len(crops), 3, CROP_SIZE, CROP_SIZE):
                raise NetworkFailed(f"{self.name} made a picture of shape {tuple(output.shape)}, not a face.")
            if not bool(torch.isfinite(output).all()):
                raise NetworkFailed(
                    f"{self.name} computed numbers that are no picture (NaN or infinite) on {self.device} in "
                    f"{self.precision}: {self._remedy()}."
                )
            picture = (output.clamp(-1, 1) + 1) * 127.5
            if not self._takes_weight and weight > 0:
                picture = picture.lerp(self._as_bytes(crops), weight)
            pixels = picture.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return list(pixels)

    def _remedy(self) -> str:
        if self.precision == "float32":
            return "verify the model's file, or try another device"
        return "set precision to float32, and if that fails too, verify the model's file"

    def _as_bytes(self, crops: Sequence[Crop]) -> torch.Tensor:
        """(N, 3, 512, 512) float32, 0-255, on the device."""
        return torch.from_numpy(np.stack(crops)).to(self.device).permute(0, 3, 1, 2).contiguous().float()


def load(
    checkpoint: Path,
    name: str,
    device: str,
    precision: Precision = "float32",
    registry: ArchRegistry | None = None,
) -> TorchNetwork:
    """The network of a checkpoint, ready on its device.

    checkpoint  GFPGAN ("clean": 1.2, 1.3, 1.4), RestoreFormer, CodeFormer, or any file that spandrel knows as
                a face network for 512x512 pixels; on the CPU it may stay mapped: do not change it in place
    name        how messages call it
    device      from `device.choose`
    precision   from `precision.choose`; a network that only spandrel knows is computed in float32 anyway
    registry    the architectures to look among; spandrel's and its extra ones when not given

    Raises BadCheckpoint when the file is damaged, unsafe, or something else (saying what it looks like),
    OutOfMemory when the network does not fit on the device, and DeviceFailed.
    """
    state = read_state_dict(checkpoint, mapped=False)  # its tensors are laid out anew, one by one
    support = _recognise(state, (registry,) if registry is not None else _known_architectures())
    row = _ARCHITECTURES.get(support.architecture.id)
    if row is None:
        return _unknown(support, state, name, device)
    _check(support, state)
    with translate_torch_errors(f"hold {name}"):
        forward = row.build(state, device, precision)
    return TorchNetwork(name, forward, device, takes_weight=row.takes_weight, precision=precision)


def _unknown(support: ArchSupport, state: StateDict, name: str, device: str) -> TorchNetwork:
    descriptor = _load_unknown(support, state)
    with translate_torch_errors(f"hold {name}"):
        descriptor.model.requires_grad_(requires_grad=False).eval().to(device)
    # Its call is promised for one picture at a time.
    return TorchNetwork(name, _by_contract(descriptor), device, takes_weight=False, batch=1)


def _known_architectures() -> Iterator[ArchRegistry]:
    """spandrel's registry, and only if that does not do, its extra ones, which take a while to import."""
    yield MAIN_REGISTRY
    with warnings.catch_warnings():
        # It scripts a function while it is imported, of which torch warns; no user can put that right.
        warnings.simplefilter("ignore", FutureWarning)
        from spandrel_extra_arches import EXTRA_REGISTRY
    yield EXTRA_REGISTRY


def _recognise(state: StateDict, registries: Iterable[ArchRegistry]) -> ArchSupport:
    for key, what in _STRANGERS.items():
        if key in state:
            raise BadCheckpoint(f"The file is no face network; it looks like {what}.")
    for registry in registries:
        for support in registry.architectures("detection"):
            if support.detect(state):
                return support
    raise BadCheckpoint(
        "The file is of no known kind of network: a face model must be a GFPGAN, RestoreFormer or CodeFormer "
        "file, or another face network that spandrel knows."
    )


def _check(support: ArchSupport, state: StateDict) -> None:
    """Have spandrel's own module take this state dict, key by key and shape by shape, without its numbers."""
    shapes = {key: torch.empty_like(tensor, device="meta") for key, tensor in state.items()}
    with blank():
        _load_as(support, shapes)


def _load_unknown(support: ArchSupport, state: StateDict) -> Descriptor:
    descriptor = _load_as(support, state)
    known_as = support.architecture.name
    if descriptor.purpose != "FaceSR":
        raise BadCheckpoint(
            f"The file is no face network; it looks like {known_as}, {_PURPOSES[descriptor.purpose]}."
        )
    fits = descriptor.size_requirements.check(CROP_SIZE, CROP_SIZE)
    if descriptor.scale != 1 or descriptor.input_channels != 3 or descriptor.output_channels != 3 or not fits:
        raise BadCheckpoint(
            f"The file looks like {known_as}, a face network, but not one that takes and gives "
            f"{CROP_SIZE}x{CROP_SIZE} RGB faces."
        )
    return descriptor


def _load_as(support: ArchSupport, state: StateDict) -> Descriptor:
    try:
        return support.architecture.load(state)
    except (RuntimeError, LookupError, ValueError, TypeError, AssertionError) as error:
        raise BadCheckpoint(
            f"The file looks like {support.architecture.name} but does not fit it ({first_lines(error, 2)}): "
            "it may be another version of that network, or cut short."
        ) from error


def _by_contract(descriptor: Descriptor) -> Forward:
    """Call an architecture as spandrel promises for all: [0, 1] in, [0, 1] out."""

    def forward(x: torch.Tensor, _weight: float) -> torch.Tensor:
        assert isinstance(descriptor, ImageModelDescriptor)
        restored: torch.Tensor = descriptor((x + 1) / 2)
        return restored * 2 - 1

    return forward


def _exact() -> AbstractContextManager[None]:
    """What is computed in float32 is: cards otherwise round a convolution's factors to TF32's ten bits."""
    exact: AbstractContextManager[None] = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    return exact
