"""The settings that `facewatch restore` takes as options too."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated

import typer

# Settings that are options here too: section, key, type, help.
CHOICES: tuple[tuple[str, str, type, str], ...] = (
    ("engine", "device", str, "auto, cuda, cuda:1, mps, xpu or cpu."),
    ("restoration", "upscale", int, "Enlarge so many times."),
    ("restoration", "background", str, "none, realesrgan-x2, realesrgan-x4 or realesr-general."),
    ("restoration", "face_upsample", bool, "Enlarge the faces with the background's network."),
    ("restoration", "only_center_face", bool, "Only the face nearest to the centre."),
    ("restoration", "aligned", bool, "Each photo is one upright face, cut out."),
    ("restoration", "max_faces", int, "Maximum number of faces; the largest are restored."),
    ("restoration", "min_face_px", float, "Minimum pixels between the eyes."),
    ("restoration", "max_face_px", int, "Leave sharp faces larger than this alone."),
    ("restoration", "detector", str, "auto, retinaface-resnet50, retinaface-mobilenet or yunet."),
    ("restoration", "detect_size", int, "Long side of the picture that the detector sees."),
    ("restoration", "detect_threshold", float, "Minimum score of a detected face."),
    ("restoration", "try_rotations", bool, "Find faces lying on their side too."),
    ("restoration", "mask", str, "soft or parse."),
    ("restoration", "color_fix", bool, "Keep the colours of the original face."),
    ("restoration", "identity", str, "A face that became another person's: protect, warn or off."),
    ("restoration", "identity_threshold", float, "Least similarity of a face to its original."),
    ("output", "format", str, "same, jpeg, png, webp, tiff, bmp, heic or avif."),
    ("output", "heic", str, "Format of copies of HEIC photos: heic or jpeg."),
    ("output", "quality", int, "Quality of lossy formats."),
    ("output", "suffix", str, "Suffix added to the file name."),
    ("output", "no_faces", str, ""),
    ("output", "content_credentials", str, "Sign the copies with this PEM file."),
    ("restoration", "compare", str, "none, side-by-side or slider-html."),
    ("restoration", "save_crops", bool, "Save each face as a file too."),
)
METAVARS = {
    "device": "DEVICE",
    "upscale": "1-4",
    "max_faces": "COUNT",
    "min_face_px": "PIXELS",
    "max_face_px": "PIXELS",
    "detect_size": "PIXELS",
    "detect_threshold": "0-1",
    "identity_threshold": "0-1",
    "quality": "1-100",
    "suffix": "TEXT",
    "content_credentials": "FILE",
}
"""Placeholders of values in the help; NAME for other text, none for a switch."""
HIDDEN = {"no_faces"}  # earlier names of options


def _metavar(key: str, kind: type) -> str | None:
    return None if kind is bool else METAVARS.get(key, "NAME")


def with_choices(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each row of CHOICES to a command that takes **choices: typer reads the signature."""
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "choices"]
    rows = [
        inspect.Parameter(
            key,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=None,
            annotation=Annotated[
                kind | None, typer.Option(metavar=_metavar(key, kind), help=text, hidden=key in HIDDEN)
            ],
        )
        for _, key, kind, text in CHOICES
    ]
    parameters = [*own, *rows]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command
