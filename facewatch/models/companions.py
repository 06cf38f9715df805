"""The catalogue's models beside the face networks: detectors, parser, upscalers, identity."""

from __future__ import annotations

from facewatch.models.licences import (
    PARSENET_LICENCE,
    REALESRGAN_LICENCE,
    RETINAFACE_LICENCE,
    SFACE_LICENCE,
)
from facewatch.models.rows import Checkpoint, Model

_FACEXLIB = "https://github.com/xinntao/facexlib/releases/download/"
_REALESRGAN = "https://github.com/xinntao/Real-ESRGAN/releases/download/"
_CLIBDEV_RETINAFACE = "https://github.com/clibdev/Pytorch_Retinaface/releases/latest/download/"
_CCRESTORATION = "https://github.com/TensoRaws/ccrestoration/releases/download/model_zoo/"

COMPANIONS: tuple[Model, ...] = (
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
