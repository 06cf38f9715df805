"""Build a pipeline from the models that a setup names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from facewatch.errors import BadCheckpoint, CheckpointMissing
from facewatch.restoration.networks.torch_imports import import_torchvision
from facewatch.restoration.options import Setup
from facewatch.restoration.pipeline import Pipeline
from facewatch.restoration.types import Detector, FaceNetwork, Masker, Upscaler

if TYPE_CHECKING:
    from facewatch.restoration.identity.gate import Gate
    from facewatch.restoration.networks.fast import Precision


def build_pipeline(setup: Setup, device: str) -> Pipeline:
    """Load every model of `setup` onto `device`.

    Raises BadCheckpoint, CheckpointMissing, OutOfMemory, DeviceFailed, or NoSuchDevice for a precision that
    the device does not have.
    """
    if setup.files:
        import_torchvision()
    return Pipeline(
        DETECTORS[setup.detector_network](setup, device),
        _network(setup, setup.model, device),
        _masker(setup, device),
        _upscaler(setup, device),
        _gate(setup),
        others={name: _network(setup, name, device) for name in setup.others},
        guarded=[name for name in (setup.model, *setup.others) if _makes_up_people(setup, name)],
        # A parsing mask takes a processor a second; a graphics card would wait longer for the comparison.
        check_first=device == "cpu" and setup.parser is not None,
    )


def _makes_up_people(setup: Setup, model: str) -> bool:
    from facewatch.restoration.networks.forms import FORMS

    network, _ = setup.forms.get(model, ("", 0))
    return network in FORMS and FORMS[network].makes_up_people


def check_packaged(name: str) -> None:
    """Load a network that is part of facewatch: "builtin" or "yunet".

    Raises BadCheckpoint, which says how to install facewatch again.
    """
    if name == "yunet":
        from facewatch.restoration.detection.yunet import YuNet

        YuNet()
        return
    from facewatch.restoration.networks.loader import load_builtin

    load_builtin("cpu")


def _file(setup: Setup, name: str) -> Path:
    try:
        return Path(setup.files[name])
    except KeyError:
        raise CheckpointMissing(f"the file of {name} was not given to the engine") from None


# Each part is imported only when it is used.


def _yunet(setup: Setup, device: str) -> Detector:
    from facewatch.restoration.detection.yunet import LONG_SIDE, YuNet

    del device
    return YuNet(setup.detect_size or LONG_SIDE, setup.detect_threshold)


def _retinaface(setup: Setup, device: str) -> Detector:
    from facewatch.restoration.detection.retinaface import RetinaFace

    return RetinaFace(
        "resnet50" if setup.detector_network == "resnet50" else "mobilenet",
        _file(setup, setup.detector),
        device,
        long_side=setup.detect_size,
        threshold=setup.detect_threshold,
    )


DETECTORS: dict[str, Callable[[Setup, str], Detector]] = {
    "yunet": _yunet,
    "resnet50": _retinaface,
    "mobilenet": _retinaface,
}


def _network(setup: Setup, model: str, device: str) -> FaceNetwork:
    precision = _precision(setup, device)
    if model == "builtin":
        from facewatch.restoration.networks.loader import load_builtin

        return load_builtin(device, precision)
    form = setup.forms.get(model, ("", None))
    second = _file(setup, setup.second_files[model]) if model in setup.second_files else None
    return load_face_network(
        _file(setup, model), model, device, *form, precision=precision, requested=setup.device, second=second
    )


def load_face_network(
    file: Path,
    name: str,
    device: str,
    network: str = "",
    crop_size: int | None = None,
    *,
    precision: Precision = "float32",
    requested: str = "auto",
    second: Path | None = None,
    alone: bool = False,
) -> FaceNetwork:
    """Load a face network from a checkpoint or an ONNX file, onto its device.

    network    the form that the file must have: "onnx", or a name in `networks.forms`; empty: any
    crop_size  side in pixels of the faces that it must take, with a `network`
    requested  the device as set by the user
    second     the second file of a form that has one
    alone      True to check the file without its second one; the network is of no use then

    Raises BadCheckpoint when it is another network, and as `build_pipeline`.
    """
    if file.suffix.lower() != ".onnx":
        if network == "onnx":
            raise BadCheckpoint(f"{file.name} is no ONNX file; one was expected.")
        from facewatch.restoration.networks.loader import load

        return load(
            file, name, device, precision, network=network, crop_size=crop_size, second=second, alone=alone
        )
    if network not in {"", "onnx"}:
        raise BadCheckpoint(f"{file.name} is an ONNX file; a checkpoint of {network} was expected.")
    from facewatch.restoration.networks import onnx_network

    loaded = onnx_network.load(file, name, device, requested)
    if crop_size not in {None, loaded.crop_size}:
        raise BadCheckpoint(
            f"The file is for faces of {loaded.crop_size} pixels; one for {crop_size} was expected."
        )
    return loaded


def check_second_file(file: Path, network: str) -> None:
    """Raise BadCheckpoint if a file is not the second file of the form `network`."""
    from facewatch.restoration.networks.forms import FORMS

    second = FORMS[network].second
    assert second is not None
    second.read(file)


def check_identity_file(file: Path) -> None:
    """Raise BadCheckpoint if a file is not the network that tells people apart."""
    from facewatch.restoration.identity.sface import SFace

    SFace(file)


def check_model_file(file: Path) -> None:
    """Raise BadCheckpoint if a file is neither an ONNX face network nor a checkpoint that can be read."""
    if file.suffix.lower() == ".onnx":
        load_face_network(file, file.name, "cpu", requested="cpu")
        return
    from facewatch.restoration.networks.state_dict import read_state_dict

    read_state_dict(file)


def _precision(setup: Setup, device: str) -> Precision:
    from facewatch.restoration.networks.precision import choose

    return choose(setup.precision, device)


def _masker(setup: Setup, device: str) -> Masker:
    if setup.parser is None:
        from facewatch.restoration.masks.oval import SoftMask

        return SoftMask()
    from facewatch.restoration.masks.parsing import ParseMask

    return ParseMask(_file(setup, setup.parser), device, _precision(setup, device))


def _gate(setup: Setup) -> Gate:
    from facewatch.restoration.identity.gate import IdentityGate, SharedGate
    from facewatch.restoration.identity.sface import SFace

    def make() -> IdentityGate:
        return IdentityGate(SFace(_file(setup, setup.identity)) if setup.identity is not None else None)

    return SharedGate(make)


def _upscaler(setup: Setup, device: str) -> Upscaler | None:
    if setup.upscaler is None:
        return None
    from facewatch.restoration.networks.upscaler import RealESRGAN

    file, precision = _file(setup, setup.upscaler), _precision(setup, device)
    return RealESRGAN(file, setup.upscaler, device, precision=precision)
