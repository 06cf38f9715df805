"""Face networks from ONNX files, computed by onnxruntime (the extra `onnx`).

The form is facefusion's: one float32 picture (1, 3, S, S), RGB in [-1, 1], in and out; perhaps a second input
named `weight`, one number, 1 = closest to the original. Sizes, types and names are read from the file.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from facewatch.errors import BadCheckpoint, FacewatchError, NetworkFailed, NoSuchDevice, OutOfMemory
from facewatch.restoration.types import CROP_SIZE, Crop

if TYPE_CHECKING:
    import onnxruntime

SIZES = (256, 512, 1024, 2048)
"""The sides in pixels that a network's faces may have."""
MAX_BYTES = 1 << 31  # of a file: protobuf holds no more
PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "mps": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Of onnxruntime, by the device; DirectML, which torch does not know, is taken by `auto` only."""
_NUMBERS: dict[str, type[np.floating[Any]]] = {"tensor(float)": np.float32, "tensor(double)": np.float64}
_WEIGHTS_ELSEWHERE = "External data"  # in onnxruntime's message
_NO_FOLDER = "session.model_external_initializers_file_folder_path"
_BEYOND = 1.5  # a face network's numbers end a little beyond 1
_DARK, _DARK_SHARE = -0.25, 0.1  # of the picture: enough that its restoration has dark pixels too
_LEAST_DARK_SHARE = 0.001
_ERRORS = ("CUDA failure 2", "Failed to allocate", "bad allocation", "out of memory", "E_OUTOFMEMORY")


class OnnxNetwork:
    """A face network in onnxruntime; a FaceNetwork."""

    precision = "float32"
    batch = 1  # the published files have this number built in

    def __init__(self, name: str, session: onnxruntime.InferenceSession, device: str) -> None:
        """
        name     in messages
        session  of the file
        device   where it is computed, for people

        Raises BadCheckpoint when its inputs and outputs are not those of a face network.
        """
        self.name = name
        self.device = device
        self._session = session
        self._picture, self._weight = _inputs(session)
        self.crop_size = _crop_size(self._picture.shape, session.get_outputs()[0])

    @property
    def takes_weight(self) -> bool:
        """True if the network uses the weight; else the crop is blended into its output."""
        return self._weight is not None

    def restore(self, crops: Sequence[Crop], weight: float) -> list[Crop]:
        """Return one restored crop per crop; weight 0 = all restoration, 1 = closest to the original.

        Raises OutOfMemory, and NetworkFailed when onnxruntime fails or an output is not a picture in [-1, 1].
        """
        return [self._restored(crop, weight) for crop in crops]

    def infer(self, face: npt.NDArray[np.float32], weight: float) -> npt.NDArray[np.float32]:
        """Return the network's output for one face, both (1, 3, S, S) float32 RGB in [-1, 1]."""
        given: dict[str, npt.NDArray[Any]] = {self._picture.name: face}
        if self._weight is not None:
            shape = [1] * len(self._weight.shape)
            given[self._weight.name] = np.full(shape, weight, _NUMBERS[self._weight.type])
        try:
            output = self._session.run(None, given)[0]
        except _runtime_errors() as error:
            raise _translated(error, f"restore a face with {self.name}") from error
        if np.shape(output) != face.shape:
            raise NetworkFailed(f"{self.name} returned a picture of shape {np.shape(output)}, not a face.")
        if not np.isfinite(output).all():
            raise NetworkFailed(
                f"{self.name} returned NaN or infinite numbers on {self.device}: "
                "verify the model's file, or try another device."
            )
        return np.asarray(output, np.float32)

    def _restored(self, crop: Crop, weight: float) -> Crop:
        face = crop.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - 1
        output = self.infer(np.ascontiguousarray(face), weight)
        _require_range(self.name, face, output)
        picture = (output[0].clip(-1, 1) + 1) * np.float32(127.5)
        pixels = picture.transpose(1, 2, 0)
        if not self.takes_weight and weight > 0:
            pixels = pixels + (crop - pixels) * np.float32(weight)
        return np.ascontiguousarray(np.rint(pixels).astype(np.uint8))


def load(checkpoint: Path, name: str, device: str, requested: str = "auto") -> OnnxNetwork:
    """Load an ONNX file.

    device     of torch, from `device.choose`
    requested  as set by the user; `auto` takes the fastest device that the installed onnxruntime has

    Raises BadCheckpoint when the extra is not installed, or the file is damaged or no face network,
    NoSuchDevice when the installed onnxruntime cannot use the requested device, OutOfMemory, NetworkFailed.
    """
    if checkpoint.stat().st_size > MAX_BYTES:
        raise BadCheckpoint(f"{name} is larger than 2 GB, which an ONNX file cannot be; remove it.")
    try:
        import onnxruntime
    except ImportError as error:
        raise BadCheckpoint(
            f"{name} is an ONNX file, and onnxruntime is not installed: pip install 'facewatch[onnx]'."
        ) from error
    used = choose_device(requested, device, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its errors are raised; its warnings are no user's business
    # A file that keeps its weights in another one would read that from the folder that the program runs in.
    options.add_session_config_entry(_NO_FOLDER, os.devnull)
    kind, _, index = used.partition(":")
    settings = {"device_id": index} if index else {}
    try:
        session = onnxruntime.InferenceSession(
            checkpoint.read_bytes(), options, providers=[(PROVIDERS[kind], settings)]
        )
    except _runtime_errors() as error:
        raise _translated(error, f"hold {name}", loading=True) from error
    got = session.get_providers()[0]
    if got != PROVIDERS[kind] and requested != "auto":
        raise NoSuchDevice(
            f"onnxruntime could not start on {used} and took {got}: its driver or libraries are missing. "
            "Set device to auto or cpu."
        )
    return OnnxNetwork(name, session, used if got == PROVIDERS[kind] else "cpu")


def computes_on(requested: str, device: str) -> str:
    """Return where the installed onnxruntime computes ONNX files; empty if it is not installed.

    requested, device  as in `load`

    Raises NoSuchDevice when it cannot use the requested device.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        return ""
    import onnxruntime

    return choose_device(requested, device, onnxruntime.get_available_providers())


def choose_device(requested: str, device: str, providers: Sequence[str]) -> str:
    """Return where to compute, a key of PROVIDERS with the card's number, if it has one.

    requested, device  as in `load`
    providers          that the installed onnxruntime has

    Raises NoSuchDevice when the requested device has no provider.
    """
    kind = device.partition(":")[0]
    if requested == "auto":
        wanted = [device] if kind in PROVIDERS and kind != "cpu" else []
        found = (it for it in (*wanted, "directml", "cpu") if PROVIDERS[it.partition(":")[0]] in providers)
        return next(found, "cpu")
    if PROVIDERS.get(kind) in providers:
        return device
    builds = {"cuda": "onnxruntime-gpu", "mps": "onnxruntime on a Mac with Apple silicon"}
    remedy = f"install {builds[kind]}, or set" if kind in builds else "set"
    raise NoSuchDevice(
        f"The installed onnxruntime cannot compute on {device} (it has {', '.join(providers)}): "
        f"{remedy} device to auto or cpu."
    )


def _inputs(session: onnxruntime.InferenceSession) -> tuple[Any, Any]:
    """Return the inputs for the picture and the weight; None for a network without a weight."""
    inputs = list(session.get_inputs())
    pictures = [it for it in inputs if len(it.shape) == 4 and it.type == "tensor(float)"]
    weights = [it for it in inputs if _is_weight(it)]
    if len(pictures) != 1 or len(inputs) != 1 + len(weights) or len(weights) > 1:
        shown = ", ".join(f"{it.name} {it.type} {it.shape}" for it in inputs) or "none"
        raise BadCheckpoint(
            f"The file is not a face network: its inputs are {shown}; expected is a float32 picture "
            "(1, 3, S, S), and perhaps one number named weight."
        )
    return pictures[0], weights[0] if weights else None


def _is_weight(value: Any) -> bool:
    one = all(side == 1 or not isinstance(side, int) for side in value.shape)
    return value.name == "weight" and len(value.shape) <= 1 and one and value.type in _NUMBERS


def _crop_size(given: Sequence[Any], output: Any) -> int:
    """Return the side of the faces; 512 pixels where it takes and returns any size."""
    channels, height, width = given[1:]
    returned = output.shape or [None] * 4  # a file need not say what it returns
    size = next((side for side in (height, width, *returned[2:]) if isinstance(side, int)), CROP_SIZE)
    single = given[0] == 1 or not isinstance(given[0], int)
    square = not isinstance(width, int) or width == size
    same = len(returned) == 4 and all(
        not isinstance(side, int) or side == wanted
        for side, wanted in zip(returned, (1, 3, size, size), strict=True)
    )
    numbers = output.type == "tensor(float)"
    if not (single and channels == 3 and square and same and numbers and size in SIZES):
        raise BadCheckpoint(
            f"The file is not a face network: it takes {list(given)} and returns {output.type} "
            f"{list(returned)}; expected is one RGB face of {', '.join(map(str, SIZES))} pixels, and one of "
            "the same size back, in float32."
        )
    return size


def _require_range(name: str, face: npt.NDArray[np.float32], output: npt.NDArray[np.float32]) -> None:
    """Raise NetworkFailed unless a network's output has the range of its input, -1 to 1.

    The file does not say the range; a network for 0 to 1 or 0 to 255 would give a face of wrong colours.
    """
    beyond = float((np.abs(output) > _BEYOND).mean())
    pale = float((face < _DARK).mean()) >= _DARK_SHARE and float((output < 0).mean()) < _LEAST_DARK_SHARE
    if beyond > 0.5 or pale:
        raise NetworkFailed(
            f"{name} returned numbers from {output.min():.3g} to {output.max():.3g}; those of a face network "
            "that facewatch can use lie between -1 and 1. Use another file of this network."
        )


def _runtime_errors() -> tuple[type[Exception], ...]:
    """Return onnxruntime's exceptions, which have no class in common."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    classes = (getattr(state, name) for name in dir(state))
    return tuple(it for it in classes if isinstance(it, type) and issubclass(it, Exception))


def _translated(error: Exception, task: str, *, loading: bool = False) -> FacewatchError:
    text = " ".join(str(error).split())[:200]
    if any(sign.lower() in str(error).lower() for sign in _ERRORS):
        return OutOfMemory(
            f"The device has too little free memory to {task}: close other programs that use it, "
            "or set device to another one."
        )
    if loading and _WEIGHTS_ELSEWHERE in text:
        return BadCheckpoint(
            "The ONNX file keeps its weights in another file, which facewatch does not read: use a version "
            "of this network that is one file."
        )
    if loading:
        return BadCheckpoint(f"The file is no ONNX network that onnxruntime can load: {text}")
    return NetworkFailed(f"onnxruntime could not {task}: {text}")
