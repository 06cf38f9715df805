"""`facewatch restore`: photos now, without the daemon."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from facewatch.cli.options import ConfigOption, JsonOption, places

# The settings that are options here too: section, key, type, help.
CHOICES: tuple[tuple[str, str, type, str], ...] = (
    ("engine", "device", str, "auto, cuda, cuda:1, mps, xpu, cpu."),
    ("restoration", "upscale", int, "1-4 times as large."),
    ("restoration", "background", str, "none, realesrgan-x2, realesrgan-x4, realesr-general."),
    ("restoration", "face_upsample", bool, "Enlarge the faces with the background's network."),
    ("restoration", "only_center_face", bool, "Only the face nearest to the centre."),
    ("restoration", "aligned", bool, "The photos are single upright faces, cut out."),
    ("restoration", "max_faces", int, "Only the largest so many."),
    ("restoration", "min_face_px", float, "Pixels between the eyes, at least."),
    ("restoration", "max_face_px", int, "Sharp faces larger than this are left alone."),
    ("restoration", "detector", str, "auto, retinaface-resnet50, retinaface-mobilenet, yunet."),
    ("restoration", "detect_size", int, "Pixels of the long side for the detector."),
    ("restoration", "detect_threshold", float, "How sure the detector has to be, 0-1."),
    ("restoration", "try_rotations", bool, "Also faces lying on their side."),
    ("restoration", "mask", str, "soft or parse."),
    ("restoration", "color_fix", bool, "Keep the colours of the original face."),
    ("output", "format", str, "same, jpeg, png, webp, tiff, bmp, heic, avif."),
    ("output", "heic", str, "What HEIC photos become: heic or jpeg."),
    ("output", "quality", int, "1-100."),
    ("output", "suffix", str, "Put behind the name."),
    ("output", "no_faces", str, "Photos without faces: copy or skip."),
    ("restoration", "compare", str, "none, side-by-side, slider-html."),
    ("restoration", "save_crops", bool, "Also keep each face."),
)


def restore(  # noqa: PLR0917 - typer's options
    sources: Annotated[list[Path], typer.Argument(metavar="PHOTO|FOLDER...", help="Photos or folders.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where copies go.", show_default="Restored, beside each photo"),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="As `facewatch models` names it.")
    ] = None,
    weight: Annotated[
        float | None, typer.Option("--weight", "-w", help="0 = all restoration, 1 = closest to the original.")
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Sub-folders too.")] = False,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the model's licence without being asked.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    **choices: Any,
) -> None:
    """Restore photos now; the originals are only read."""
    from facewatch.cli import restoring

    changes: dict[str, Any] = {} if model is None else {"model": model}
    for section, key, _, _ in CHOICES:
        if choices.get(key) is not None:
            changes.setdefault(section, {})[key] = choices[key]
    order = restoring.Order(sources, output, recursive, weight, accept_licence)
    raise typer.Exit(restoring.restore(places(config), order, changes, as_json=as_json))


def _with_choices(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes **choices an option for each row of CHOICES: typer reads the signature."""
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "choices"]
    rows = [
        inspect.Parameter(
            key,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=None,
            annotation=Annotated[kind | None, typer.Option(help=text)],
        )
        for _, key, kind, text in CHOICES
    ]
    parameters = [*own, *rows]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


command = _with_choices(restore)
