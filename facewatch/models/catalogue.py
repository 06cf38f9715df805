"""The model catalogue, one frozen row per model.

Digests and sizes were collected from public sources, since the projects publish none; rows without one say
so. Mirrors are other releases stated to have the same digest. To add a model, add a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["face", "detector", "parser", "upscaler", "identity"]


@dataclass(frozen=True)
class Licence:
    """The terms of use of a checkpoint."""

    name: str
    terms_url: str
    sentence: str
    non_commercial: bool = False


@dataclass(frozen=True)
class Checkpoint:
    """One published file."""

    file_name: str
    url: str
    sha256: str | None  # None: not published; the first download records its digest
    size_bytes: int | None  # None: not published
    licence: Licence
    mirrors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """One model that a user can choose."""

    name: str
    kind: Kind
    about: str
    checkpoint: Checkpoint | None  # None: part of the program, nothing to download
    default_weight: float = 0.0  # 0 = all restoration, 1 = closest to the original
    takes_weight: bool = False  # the network uses the weight itself; else the original is blended in
    network: str = ""  # of a detector: its form, a key of `restoration.build.DETECTORS`
    automatic_for: Literal["", "builtin", "cpu", "gpu"] = ""  # of a detector: where `auto` takes it


GFPGAN_LICENCE = Licence(
    "Apache-2.0, with StyleGAN2 parts under NVIDIA's non-commercial licence",
    "https://github.com/TencentARC/GFPGAN/blob/master/LICENSE",
    "The network's StyleGAN2 part is NVIDIA's and may be used for non-commercial purposes only.",
    non_commercial=True,
)
RESTOREFORMER_LICENCE = Licence(
    "Apache-2.0",
    "https://github.com/wzhouxiff/RestoreFormer/blob/main/LICENSE",
    "Free to use, change and pass on with its notices.",
)
CODEFORMER_LICENCE = Licence(
    "S-Lab License 1.0",
    "https://github.com/sczhou/CodeFormer/blob/master/LICENSE",
    "CodeFormer may be used for non-commercial purposes only.",
    non_commercial=True,
)
RETINAFACE_LICENCE = Licence(
    "MIT",
    "https://github.com/biubug6/Pytorch_Retinaface/blob/master/LICENSE.MIT",
    "Free to use, change and pass on with its notice.",
)
PARSENET_LICENCE = Licence(
    "derived from PSFRGAN, CC BY-NC-SA 4.0",
    "https://github.com/chaofengc/PSFRGAN#license",
    "The parsing network comes from PSFRGAN, whose terms are for non-commercial use.",
    non_commercial=True,
)
REALESRGAN_LICENCE = Licence(
    "BSD-3-Clause",
    "https://github.com/xinntao/Real-ESRGAN/blob/master/LICENSE",
    "Free to use, change and pass on with its notice.",
)
SFACE_LICENCE = Licence(
    "Apache-2.0",
    "https://github.com/opencv/opencv_zoo/blob/main/models/face_recognition_sface/LICENSE",
    "Free to use, change and pass on with its notices.",
)

_GFPGAN = "https://github.com/TencentARC/GFPGAN/releases/download/"
_FACEXLIB = "https://github.com/xinntao/facexlib/releases/download/"
_REALESRGAN = "https://github.com/xinntao/Real-ESRGAN/releases/download/"
_CLIBDEV_GFPGAN = "https://github.com/clibdev/GFPGAN-onnxruntime-demo/releases/latest/download/"
_CLIBDEV_RETINAFACE = "https://github.com/clibdev/Pytorch_Retinaface/releases/latest/download/"
_CCRESTORATION = "https://github.com/TensoRaws/ccrestoration/releases/download/model_zoo/"

MODELS: tuple[Model, ...] = (
    Model(
        "gfpgan-1.4",
        "face",
        "natural faces with fine detail; the best first choice",
        Checkpoint(
            "GFPGANv1.4.pth",
            _GFPGAN + "v1.3.4/GFPGANv1.4.pth",
            "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad",
            348632874,
            GFPGAN_LICENCE,
            (_GFPGAN + "v1.3.0/GFPGANv1.4.pth", _CLIBDEV_GFPGAN + "gfpgan-v1.4.pth"),
        ),
    ),
    Model(
        "gfpgan-1.3",
        "face",
        "softer than 1.4, sometimes closer to the person",
        Checkpoint(
            "GFPGANv1.3.pth",
            _GFPGAN + "v1.3.0/GFPGANv1.3.pth",
            "c953a88f2727c85c3d9ae72e2bd4846bbaf59fe6972ad94130e23e7017524a70",
            348632874,
            GFPGAN_LICENCE,
            (_CLIBDEV_GFPGAN + "gfpgan-v1.3.pth",),
        ),
    ),
    Model(
        "gfpgan-1.2",
        "face",
        "the sharpest GFPGAN, and the most made-up",
        Checkpoint(
            "GFPGANCleanv1-NoCE-C2.pth",
            _GFPGAN + "v0.2.0/GFPGANCleanv1-NoCE-C2.pth",
            "29e25ee90c170f4231163f4c83df6b59c968b73f3ce00cb884015ae005db083c",
            None,  # about 348.6 MB
            GFPGAN_LICENCE,
            (_CLIBDEV_GFPGAN + "gfpgan-v1.2.pth",),
        ),
    ),
    Model(
        "restoreformer",
        "face",
        "attention over a face dictionary; good on mild damage",
        Checkpoint(
            "RestoreFormer.pth",
            _GFPGAN + "v1.3.4/RestoreFormer.pth",
            "07404d446d62ca3d5ed38b1de09a947a1e77d46dbccec961a74d713a8f24ace0",
            290785322,
            RESTOREFORMER_LICENCE,
            (_GFPGAN + "v1.3.0/RestoreFormer.pth",),
        ),
    ),
    Model(
        "codeformer",
        "face",
        "codebook lookup; strong on heavy damage, with a true fidelity weight",
        Checkpoint(
            "codeformer.pth",
            "https://github.com/sczhou/CodeFormer/releases/download/v0.1.0/codeformer.pth",
            "1009e537e0c2a07d4cabce6355f53cb66767cd4b4297ec7a4a64ca4b8a5684b7",
            376637898,
            CODEFORMER_LICENCE,
        ),
        default_weight=0.6,
        takes_weight=True,
    ),
    Model(
        "builtin",
        "face",
        "part of facewatch, no download, free for any use: sharpens and cleans, invents little",
        None,
    ),
    Model(
        "retinaface-resnet50",
        "detector",
        "finds small and turned faces; slow without a GPU",
        Checkpoint(
            "detection_Resnet50_Final.pth",
            _FACEXLIB + "v0.1.0/detection_Resnet50_Final.pth",
            "6d1de9c2944f2ccddca5f5e010ea5ae64a39845a86311af6fdf30841b0a5a16d",
            109497761,
            RETINAFACE_LICENCE,
            (_CLIBDEV_RETINAFACE + "retinaface-resnet-50.pth",),
        ),
        network="resnet50",
        automatic_for="gpu",
    ),
    Model(
        "retinaface-mobilenet",
        "detector",
        "finds faces quickly on any machine",
        Checkpoint(
            "detection_mobilenet0.25_Final.pth",
            _FACEXLIB + "v0.1.0/detection_mobilenet0.25_Final.pth",
            "2979b33ffafda5d74b6948cd7a5b9a7a62f62b949cef24e95fd15d2883a65220",
            1789735,
            RETINAFACE_LICENCE,
            (_CLIBDEV_RETINAFACE + "retinaface-mobilenet-0.25.pth",),
        ),
        network="mobilenet",
        automatic_for="cpu",  # there ResNet-50 would take most of a photo's time
    ),
    Model(
        "yunet",
        "detector",
        "small and quick; part of facewatch, no download",
        None,
        network="yunet",
        automatic_for="builtin",
    ),
    Model(
        "parsenet",
        "parser",
        "separates face, hair, neck and clothes for the mask",
        Checkpoint(
            "parsing_parsenet.pth",
            _FACEXLIB + "v0.2.2/parsing_parsenet.pth",
            "3d558d8d0e42c20224f13cf5a29c79eba2d59913419f945545d8cf7b72920de2",
            85331193,
            PARSENET_LICENCE,
            (_FACEXLIB + "v0.2.0/parsing_parsenet.pth",),
        ),
    ),
    Model(
        "realesrgan-x2",
        "upscaler",
        "everything that is not a face, twice as large",
        Checkpoint(
            "RealESRGAN_x2plus.pth",
            _REALESRGAN + "v0.2.1/RealESRGAN_x2plus.pth",
            "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb",
            67061725,
            REALESRGAN_LICENCE,
            (_CCRESTORATION + "RealESRGAN_RealESRGAN_x2plus_2x.pth",),
        ),
    ),
    Model(
        "realesrgan-x4",
        "upscaler",
        "everything that is not a face, four times as large",
        Checkpoint(
            "RealESRGAN_x4plus.pth",
            _REALESRGAN + "v0.1.0/RealESRGAN_x4plus.pth",
            "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
            67040989,
            REALESRGAN_LICENCE,
            (_CCRESTORATION + "RealESRGAN_RealESRGAN_x4plus_4x.pth",),
        ),
    ),
    Model(
        "realesr-general",
        "upscaler",
        "a small, quick network for any kind of picture, four times as large",
        Checkpoint(
            "realesr-general-x4v3.pth",
            _REALESRGAN + "v0.2.5.0/realesr-general-x4v3.pth",
            "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292",
            4885111,
            REALESRGAN_LICENCE,
        ),
    ),
    Model(
        "sface",
        "identity",
        "tells whether a restored face is still the same person",
        Checkpoint(
            "face_recognition_sface_2021dec.onnx",
            "https://github.com/opencv/opencv_zoo/raw/main/models/face_recognition_sface/"
            "face_recognition_sface_2021dec.onnx",
            "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
            38696353,
            SFACE_LICENCE,
        ),
    ),
)

BY_NAME: dict[str, Model] = {model.name: model for model in MODELS}


def names(kind: Kind) -> tuple[str, ...]:
    """Return the names of one kind of model, in the order they are offered."""
    return tuple(model.name for model in MODELS if model.kind == kind)
