"""Put a pipeline together from the names of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from facewatch.errors import CheckpointMissing
from facewatch.restoration.networks.torch_imports import import_torchvision
from facewatch.restoration.pipeline import Pipeline
from facewatch.restoration.types import Detector, FaceNetwork, Masker, Upscaler

if TYPE_CHECKING:
    from facewatch.restoration.networks.fast import Precision

_BACKBONES: dict[str, Literal["resnet50", "mobilenet"]] = {
    "retinaface-resnet50": "resnet50",
    "retinaface-mobilenet": "mobilenet",
}


@dataclass(frozen=True)
class Parts:
    """The names of the parts, as the catalogue has them, and where their files are."""

    network: str
    detector: str
    parser: str | None  # None: the soft mask
    upscaler: str | None  # None: plain enlargement
    model_files: Mapping[str, Path]
    detect_size: int | None  # pixels, the long side; None: the detector's own
    detect_threshold: float  # 0-1
    precision: str = "auto"  # as it is wished: auto or the name of one

    @property
    def need_torch(self) -> bool:
        """Whether any of them is a network."""
        return (self.network, self.detector, self.parser, self.upscaler) != ("builtin", "cascade", None, None)


def assemble(parts: Parts, device: str) -> Pipeline:
    """Load every part onto `device`.

    Raises BadCheckpoint, CheckpointMissing, OutOfMemory, DeviceFailed, or NoSuchDevice for a precision that
    the device has not.
    """
    if parts.need_torch:
        import_torchvision()
    return Pipeline(
        _detector(parts, device), _network(parts, device), _masker(parts, device), _upscaler(parts, device)
    )


def _file(parts: Parts, name: str) -> Path:
    try:
        return parts.model_files[name]
    except KeyError:
        raise CheckpointMissing(f"the file of {name} was not given to the engine") from None


# Each part is imported only when it is used: `builtin` with the cascade never loads torch.


def _detector(parts: Parts, device: str) -> Detector:
    if parts.detector == "cascade":
        from facewatch.restoration.detection.haar import HaarDetector

        return HaarDetector() if parts.detect_size is None else HaarDetector(parts.detect_size)
    from facewatch.restoration.detection.retinaface import RetinaFace

    return RetinaFace(
        _BACKBONES[parts.detector],
        _file(parts, parts.detector),
        device,
        long_side=parts.detect_size,
        threshold=parts.detect_threshold,
    )


def _network(parts: Parts, device: str) -> FaceNetwork:
    if parts.network == "builtin":
        from facewatch.restoration.classical.restorer import Builtin

        return Builtin()
    from facewatch.restoration.networks.loader import load

    return load(_file(parts, parts.network), parts.network, device, _precision(parts, device))


def _precision(parts: Parts, device: str) -> Precision:
    from facewatch.restoration.networks.precision import choose

    return choose(parts.precision, device)


def _masker(parts: Parts, device: str) -> Masker:
    if parts.parser is None:
        from facewatch.restoration.masks.oval import SoftMask

        return SoftMask()
    from facewatch.restoration.masks.parsing import ParseMask

    return ParseMask(_file(parts, parts.parser), device, _precision(parts, device))


def _upscaler(parts: Parts, device: str) -> Upscaler | None:
    if parts.upscaler is None:
        return None
    from facewatch.restoration.networks.upscaler import RealESRGAN

    return RealESRGAN(_file(parts, parts.upscaler), parts.upscaler, device)
