"""Face restoration networks, identified by spandrel and computed on a device."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from facewatch.errors import BadCheckpoint, NetworkFailed
from facewatch.restoration.networks import builtin, forms
from facewatch.restoration.networks.device import free_cache
from facewatch.restoration.networks.fast import Forward, Precision, codeformer, gfpgan, restoreformer
from facewatch.restoration.networks.precision import without_tf32
from facewatch.restoration.networks.state_dict import StateDict, blank, read_state_dict
from facewatch.restoration.networks.torch_errors import (
    first_lines,
    means_memory,
    to_facewatch_error,
    translate_torch_errors,
)
from facewatch.restoration.packaged import part_of_facewatch
from facewatch.restoration.types import CROP_SIZE, Crop, OnStep, WorksInSteps, ignore_step

if TYPE_CHECKING:
    from spandrel import ArchRegistry, ArchSupport, ImageModelDescriptor, MaskedImageModelDescriptor

    Descriptor: TypeAlias = ImageModelDescriptor[Any] | MaskedImageModelDescriptor[Any]

_BATCH_ON_CARD = 4
_BATCH_ON_CPU = 1  # more faces do not make a processor faster, and each needs over a gigabyte


@dataclass(frozen=True)
class _Architecture:
    """A network that facewatch computes faster than its published form."""

    build: Callable[[StateDict, str, Precision], Forward]
    takes_weight: bool = False


_ARCHITECTURES: dict[str, _Architecture] = {
    "GFPGAN": _Architecture(gfpgan.build),
    "RestoreFormer": _Architecture(restoreformer.build),
    "CodeFormer": _Architecture(codeformer.build, takes_weight=True),
}
_PURPOSES = {
    "SR": "an upscaler: set it as background",
    "Restoration": "a restorer of whole pictures, which facewatch does not use",
    "Inpainting": "a network that fills holes, which facewatch does not use",
}
_OTHER_NETWORKS = {
    "BboxHead.0.conv1x1.weight": "RetinaFace, a face detector: set it as detector",
    "out_mask_conv.conv2d.weight": "ParseNet, which draws the mask of a face but does not restore it",
}


class TorchNetwork:
    """A face network on its device; a FaceNetwork, and WorksInSteps."""

    def __init__(
        self,
        name: str,
        forward: Forward,
        device: str,
        *,
        takes_weight: bool,
        precision: Precision = "float32",
        batch: int | None = None,
        crop_size: int = CROP_SIZE,
    ) -> None:
        """
        name          from the catalogue or the user
        forward       the network itself, already on `device`
        takes_weight  True if the network uses the weight; else the crop is blended into its output
        precision     of the computation
        batch         faces computed at once, at first; by default what suits device and size
        crop_size     side of the crops, pixels
        """
        self.name = name
        self.device = device
        self.precision = precision
        self._forward = forward
        self._takes_weight = takes_weight
        self.crop_size = crop_size
        on_card = max(1, _BATCH_ON_CARD * CROP_SIZE**2 // max(CROP_SIZE, crop_size) ** 2)
        self.batch = batch or (_BATCH_ON_CPU if device == "cpu" else on_card)

    @property
    def on_step(self) -> OnStep:
        """Receiver of a network's steps."""
        return self._forward.on_step if isinstance(self._forward, WorksInSteps) else ignore_step

    @on_step.setter
    def on_step(self, on_step: OnStep) -> None:
        if isinstance(self._forward, WorksInSteps):
            self._forward.on_step = on_step

    def restore(self, crops: Sequence[Crop], weight: float) -> list[Crop]:
        """Return one restored crop per crop; weight 0 = all restoration, 1 = closest to the original.

        If memory runs out, the batch is halved from then on, down to one face.
        Raises OutOfMemory when not even one face fits, NetworkFailed when an output is not a picture, and
        DeviceFailed when the device itself failed.
        """
        restored: list[Crop] = []
        while len(restored) < len(crops):
            batch = crops[len(restored) : len(restored) + self.batch]
            try:
                restored += self._restore_batch(batch, weight)
                continue
            except (RuntimeError, MemoryError) as error:
                if len(batch) == 1 or not means_memory(error):
                    raise to_facewatch_error(error, f"restore a face with {self.name}") from error
            # Only here, after the except block, are the failed batch's tensors freed.
            with translate_torch_errors("release its cached memory"):
                free_cache(self.device)
            self.batch = len(batch) // 2
        return restored

    def forward(self, crops: Sequence[Crop], weight: float) -> torch.Tensor:
        """Return the network's output for the crops, before clamping, blending and rounding.

        returns    (N, 3, S, S) float32 RGB on the network's device, [-1, 1] and a little beyond
        """
        with torch.inference_mode():
            return self.infer(self._as_bytes(crops) / 127.5 - 1, weight)

    def infer(self, faces: torch.Tensor, weight: float) -> torch.Tensor:
        """Return the network's output for faces, both (N, 3, S, S) float32 RGB in [-1, 1] on its device."""
        with torch.inference_mode(), without_tf32():
            return self._forward(faces, weight)

    def _restore_batch(self, crops: Sequence[Crop], weight: float) -> list[Crop]:
        with torch.inference_mode():
            output = self.forward(crops, weight)
            if output.shape != (len(crops), 3, self.crop_size, self.crop_size):
                raise NetworkFailed(
                    f"{self.name} returned a picture of shape {tuple(output.shape)}, not a face."
                )
            if not bool(torch.isfinite(output).all()):
                raise NetworkFailed(
                    f"{self.name} returned NaN or infinite numbers on {self.device} in {self.precision}: "
                    f"{self._remedy()}."
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
        """Return the crops as a (N, 3, S, S) float32 tensor, 0-255, on the device."""
        return torch.from_numpy(np.stack(crops)).to(self.device).permute(0, 3, 1, 2).contiguous().float()


def load(
    checkpoint: Path,
    name: str,
    device: str,
    precision: Precision = "float32",
    registry: ArchRegistry | None = None,
    *,
    network: str = "",
    crop_size: int | None = None,
    second: Path | None = None,
    alone: bool = False,
) -> TorchNetwork:
    """Load the network of a checkpoint onto its device.

    checkpoint  one of `forms`, GFPGAN ("clean": 1.2, 1.3, 1.4), RestoreFormer, CodeFormer, or any face
                network for 512x512 pixels that spandrel supports; it may stay mapped on the CPU: do not
                change it in place
    name        in messages
    device      from `device.choose`
    precision   from `precision.choose`; a network outside of `fast` is always computed in float32
    registry    the known architectures; by default spandrel's and its extra ones
    network     the name in `forms` of the form that the file must have; empty: any face network
    crop_size   side in pixels of the faces that a network named by `network` must take
    second      the second file of a form that has one
    alone       True to check the checkpoint without its second file; the network is of no use then

    Raises BadCheckpoint when the file is damaged, unsafe, or another network (saying what it looks like),
    OutOfMemory when the network does not fit on the device, and DeviceFailed.
    """
    state = read_state_dict(checkpoint, mapped=False)  # every tensor is copied into another layout
    known = forms.recognise(state)
    if network:
        forms.require(network, crop_size, known, state)
    if known is not None:  # before spandrel, whose import takes longer than all of the built-in one's work
        takes_weight = forms.FORMS[known].takes_weight
        with translate_torch_errors(f"hold {name}"):
            forward, size = forms.build(known, state, device, precision, second, alone=alone)
        return TorchNetwork(
            name, forward, device, takes_weight=takes_weight, precision=precision, crop_size=size
        )
    support = _recognise(state, (registry,) if registry is not None else _known_architectures())
    architecture = _ARCHITECTURES.get(support.architecture.id)
    if architecture is None:
        return _load_generic(support, state, name, device)
    _check(support, state)
    with translate_torch_errors(f"hold {name}"):
        forward = architecture.build(state, device, precision)
    return TorchNetwork(name, forward, device, takes_weight=architecture.takes_weight, precision=precision)


def load_builtin(device: str, precision: Precision = "float32") -> TorchNetwork:
    """Load the network that is part of facewatch, as `load`; BadCheckpoint means a damaged installation."""
    with part_of_facewatch(builtin.WEIGHTS):
        return load(builtin.WEIGHTS, "builtin", device, precision)


def _load_generic(support: ArchSupport, state: StateDict, name: str, device: str) -> TorchNetwork:
    descriptor = _load_face_descriptor(support, state)
    with translate_torch_errors(f"hold {name}"):
        descriptor.model.requires_grad_(requires_grad=False).eval().to(device)
    # spandrel guarantees its call for one picture at a time only.
    return TorchNetwork(name, _spandrel_forward(descriptor), device, takes_weight=False, batch=1)


def _known_architectures() -> Iterator[ArchRegistry]:
    """Yield spandrel's registry, then its extra one, which is slow to import."""
    from spandrel import MAIN_REGISTRY

    yield MAIN_REGISTRY
    with warnings.catch_warnings():
        # It scripts a function on import, for which torch warns; a user cannot change that.
        warnings.simplefilter("ignore", FutureWarning)
        from spandrel_extra_arches import EXTRA_REGISTRY
    yield EXTRA_REGISTRY


def _recognise(state: StateDict, registries: Iterable[ArchRegistry]) -> ArchSupport:
    for key, network in _OTHER_NETWORKS.items():
        if key in state:
            raise BadCheckpoint(f"The file is not a face network; it looks like {network}.")
    for registry in registries:
        for support in registry.architectures("detection"):
            if support.detect(state):
                return support
    raise BadCheckpoint(
        "The file is not a known network: a face model must be a GFPGAN, RestoreFormer or CodeFormer "
        "file, or another face network that spandrel supports."
    )


def _check(support: ArchSupport, state: StateDict) -> None:
    """Raise BadCheckpoint unless spandrel's module accepts the keys and shapes of this state dict."""
    shapes = {key: torch.empty_like(tensor, device="meta") for key, tensor in state.items()}
    with blank():
        _load_as(support, shapes)


def _load_face_descriptor(support: ArchSupport, state: StateDict) -> Descriptor:
    descriptor = _load_as(support, state)
    architecture = support.architecture.name
    if descriptor.purpose != "FaceSR":
        raise BadCheckpoint(
            f"The file is not a face network; it looks like {architecture}, {_PURPOSES[descriptor.purpose]}."
        )
    fits = descriptor.size_requirements.check(CROP_SIZE, CROP_SIZE)
    if descriptor.scale != 1 or descriptor.input_channels != 3 or descriptor.output_channels != 3 or not fits:
        raise BadCheckpoint(
            f"The file looks like {architecture}, a face network, but not one for "
            f"{CROP_SIZE}x{CROP_SIZE} RGB faces."
        )
    return descriptor


def _load_as(support: ArchSupport, state: StateDict) -> Descriptor:
    try:
        return support.architecture.load(state)
    except (RuntimeError, LookupError, ValueError, TypeError, AssertionError) as error:
        raise BadCheckpoint(
            f"The file looks like {support.architecture.name} but does not fit it ({first_lines(error, 2)}): "
            "it may be another version of that network, or incomplete."
        ) from error


def _spandrel_forward(descriptor: Descriptor) -> Forward:
    """Return a Forward around spandrel's convention for all networks: [0, 1] in, [0, 1] out."""
    from spandrel import ImageModelDescriptor

    def forward(x: torch.Tensor, _weight: float) -> torch.Tensor:
        assert isinstance(descriptor, ImageModelDescriptor)
        restored: torch.Tensor = descriptor((x + 1) / 2)
        return restored * 2 - 1

    return forward
