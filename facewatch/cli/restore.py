"""`facewatch restore`: photos now, without the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from facewatch.cli.shared import ConfigOption, JsonOption, places

Option = typer.Option
Size = Annotated[int | None, Option("--upscale", help="1-4 times as large.")]


def restore(  # noqa: PLR0917 - typer's options
    sources: Annotated[
        list[Path], typer.Argument(metavar="PHOTO|FOLDER...", help="Photos, or folders of photos.")
    ],
    output: Annotated[
        Path | None,
        Option("--output", "-o", help="Where the copies go. [default: Restored, beside each photo]"),
    ] = None,
    model: Annotated[
        str | None, Option("--model", "-m", help="The model, as `facewatch models` names it.")
    ] = None,
    weight: Annotated[
        float | None, Option("--weight", "-w", help="0 = all restoration, 1 = closest to the original.")
    ] = None,
    recursive: Annotated[bool, Option("--recursive", "-r", help="Sub-folders too.")] = False,
    device: Annotated[str | None, Option(help="auto, cuda, cuda:1, mps, xpu, cpu.")] = None,
    upscale: Size = None,
    background: Annotated[
        str | None, Option(help="none, realesrgan-x2, realesrgan-x4, realesr-general.")
    ] = None,
    face_upsample: Annotated[
        bool | None, Option(help="Enlarge the faces with the background's network.")
    ] = None,
    only_center_face: Annotated[bool | None, Option(help="Only the face nearest to the centre.")] = None,
    aligned: Annotated[bool | None, Option(help="The photos are single upright faces, cut out.")] = None,
    max_faces: Annotated[int | None, Option(help="Only the largest so many.")] = None,
    min_face_px: Annotated[float | None, Option(help="Pixels between the eyes, at least.")] = None,
    max_face_px: Annotated[int | None, Option(help="Sharp faces larger than this are left alone.")] = None,
    detector: Annotated[
        str | None, Option(help="auto, retinaface-resnet50, retinaface-mobilenet, cascade.")
    ] = None,
    detect_size: Annotated[int | None, Option(help="Pixels of the long side for the detector.")] = None,
    detect_threshold: Annotated[float | None, Option(help="How sure the detector has to be, 0-1.")] = None,
    try_rotations: Annotated[bool | None, Option(help="Also faces lying on their side.")] = None,
    mask: Annotated[str | None, Option(help="soft or parse.")] = None,
    color_fix: Annotated[bool | None, Option(help="Keep the colours of the original face.")] = None,
    format: Annotated[str | None, Option(help="same, jpeg, png, webp, tiff, bmp, heic, avif.")] = None,  # noqa: A002
    quality: Annotated[int | None, Option(help="1-100.")] = None,
    suffix: Annotated[str | None, Option(help="Put behind the name.")] = None,
    compare: Annotated[str | None, Option(help="none, side-by-side, slider-html.")] = None,
    save_crops: Annotated[bool | None, Option(help="Also keep each face.")] = None,
    accept_licence: Annotated[
        bool, Option("--accept-licence", help="Accept the model's licence without being asked.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Restore photos now; the originals are only read."""
    from facewatch.cli import restoring

    given = dict(locals())
    sections = {
        "restoration": ("upscale", "background", "face_upsample", "only_center_face", "aligned", "max_faces",
                        "min_face_px", "max_face_px", "detector", "detect_size", "detect_threshold",
                        "try_rotations", "mask", "color_fix"),
        "output": ("format", "quality", "suffix", "compare", "save_crops"),
        "engine": ("device",),
    }  # fmt: skip
    changes: dict[str, Any] = {
        name: {key: given[key] for key in keys if given[key] is not None} for name, keys in sections.items()
    }
    if model is not None:
        changes["model"] = model
    order = restoring.Order(
        sources=sources, output=output, recursive=recursive, weight=weight, accept_licence=accept_licence
    )
    raise typer.Exit(restoring.restore(places(config), order, changes, as_json=as_json))
