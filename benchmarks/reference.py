"""The reference programs, built from local files: nothing is downloaded while measuring."""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from facewatch.cli.bench.case import Case
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.errors import FlowFailed

Picture: TypeAlias = npt.NDArray[np.uint8]
Call: TypeAlias = Callable[[Any], Any]
"""A face network as its program calls it: (N, 3, 512, 512) in [-1, 1] -> the same, restored."""

WEIGHTS = Path("gfpgan", "weights")
"""Folder below the working directory where gfpgan looks for facexlib's files before it downloads them."""
SHORT_SIDE = 640
"""Pixels of the short side in the detector of CodeFormer's script and stable-diffusion-webui."""


def gfpganer(case: Case, upscale: int = 1) -> Any:
    """Return gfpgan's restorer from local files; the working directory must hold WEIGHTS."""
    _make_importable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from gfpgan import GFPGANer

        _require_files()
        return GFPGANer(
            model_path=str(case.model("gfpgan-1.4")),
            upscale=upscale,
            arch="clean",
            channel_multiplier=2,
            bg_upsampler=None,
            device=torch.device(case.device),
        )


def _make_importable() -> None:
    """Replace a module that basicsr imports and torchvision 0.17 dropped; its one function has moved."""
    name = "torchvision.transforms.functional_tensor"
    if name not in sys.modules:
        from torchvision.transforms.functional import rgb_to_grayscale

        stub = types.ModuleType(name)
        stub.rgb_to_grayscale = rgb_to_grayscale  # type: ignore[attr-defined]
        sys.modules[name] = stub


def _require_files() -> None:
    for file in ("detection_Resnet50_Final.pth", "parsing_parsenet.pth"):
        if not (WEIGHTS / file).is_file():
            raise FlowFailed(f"{WEIGHTS / file} is missing, and nothing is downloaded while measuring")


def helper_of(case: Case, upscale: int) -> Any:
    """Return facexlib's helper as the three programs build it, from local files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from facexlib.utils.face_restoration_helper import FaceRestoreHelper

        _require_files()
        return FaceRestoreHelper(
            upscale,
            face_size=512,
            crop_ratio=(1, 1),
            det_model="retinaface_resnet50",
            save_ext="png",
            use_parse=True,
            device=torch.device(case.device),
            model_rootpath=str(WEIGHTS),
        )


def timed_gfpganer(case: Case, watch: Stopwatch) -> Any:
    """Return gfpgan's restorer with its networks on a stopwatch; its detector returns the given faces."""
    restorer = gfpganer(case, int(case.args.get("upscale", 1)))
    helper = restorer.face_helper
    give_faces(case, helper.face_det, None)
    watch.attach(helper.face_det, "detect_faces", "detection")
    watch.attach(restorer, "gfpgan", "restoration")
    watch.attach(helper, "face_parse", "parsing")
    return restorer


def given_landmarks(case: Case, shape: tuple[int, ...]) -> list[npt.NDArray[np.float64]]:
    """Return the landmarks of the case's faces in facexlib's form, (5, 2) each."""
    return [np.array(row[5:], np.float64).reshape(5, 2) for row in case.faces_in(shape)]


def give_faces(case: Case, detector: Any, short_side: int | None) -> None:
    """Make the detector run, and then return the case's faces."""
    detect = detector.detect_faces

    def detect_given(image: Picture, *settings: Any) -> npt.NDArray[np.float64]:
        detect(image, *settings)
        if short_side is None:
            return np.array(case.faces_in(image.shape))
        (only,) = case.faces.items()
        height, width = map(int, only[0].split("x"))
        rows = np.array(only[1])
        rows[:, [*range(4), *range(5, 15)]] /= min(height, width) / short_side
        rows[:, 4] = 1.0
        return rows

    detector.detect_faces = detect_given


def spandrel_network(case: Case, name: str, weight: float) -> Call:
    """Return a face network as stable-diffusion-webui calls it."""
    import torch
    from spandrel import MAIN_REGISTRY, ModelLoader

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from spandrel_extra_arches import EXTRA_REGISTRY

    registry = MAIN_REGISTRY.copy()
    registry.add(*EXTRA_REGISTRY, ignore_duplicates=True)
    model = ModelLoader(case.device, registry).load_from_file(case.model(name)).model.eval()
    arguments = {"weight": weight, "adain": True} if name == "codeformer" else {"return_rgb": False}

    def call(crops: Any) -> Any:
        with torch.no_grad():
            return model(crops, **arguments)[0]

    return call


def tensor(crop: Picture, device: str) -> Any:
    """Return a BGR crop as the networks take it, (1, 3, 512, 512) in [-1, 1]."""
    import torch

    return torch.from_numpy(bgr(crop)).to(device).permute(2, 0, 1)[None].float() / 127.5 - 1


def pictures(answer: Any) -> list[Picture]:
    """Return a network's answer as BGR pictures."""
    shown = ((answer.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [bgr(picture) for picture in shown]


def bgr(picture: Picture) -> Picture:
    """Convert RGB to BGR, or back."""
    return np.ascontiguousarray(picture[:, :, ::-1])
