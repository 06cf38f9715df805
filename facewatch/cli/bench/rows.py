"""What is measured: one row for each kind of work, and in it the flows that do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from facewatch.cli.bench.plan import Plan
from facewatch.errors import WrongUse

Side = Literal["ours", "reference", "tuned"]
"""Ours; the reference as it is; the reference given the allocator setting that our engine has."""

OURS = ("gfpgan-1.4", "retinaface-mobilenet", "retinaface-resnet50", "parsenet")
GFPGANER = ("gfpgan-1.4", "retinaface-resnet50", "parsenet")
HELPER = ("retinaface-resnet50", "parsenet")


@dataclass(frozen=True)
class Flow:
    """One way to do a row's work."""

    side: Side
    maker: str  # as Case.maker
    models: tuple[str, ...] = ()  # by their names in the catalogue
    args: dict[str, Any] = field(default_factory=dict)  # "photo" is a picture's name, not its path yet
    label: str = ""  # what sets it apart from another flow of its side
    warm: int = 1  # repetitions that do not count
    units: int = 1  # faces or photos in one repetition

    @property
    def needs_peers(self) -> bool:
        """Whether the extra `reference` has to be installed for it."""
        return self.maker in {"peers.enhanced_faces", "peers.whole", "peers.folder", "starting.gfpgan"}


@dataclass(frozen=True)
class Row:
    """One line of the table, or one for each flow of ours."""

    name: str
    title: str
    flows: tuple[Flow, ...]
    repeats: int = 3
    fresh: bool = False  # each repetition is a new process, and what it takes to be ready is measured
    needs_gb: float = 0  # of free memory, or only our flows run
    unit: str = ""  # what is counted by the second: "faces", "photos"


def rows_of(plan: Plan, device: str) -> tuple[Row, ...]:
    """The rows that a plan names, for this device.

    Raises WrongUse when it names one that does not exist.
    """
    rows = (*_networks(), *_pictures(plan), *_whole(plan), *_around(plan))
    if device.startswith("cuda"):
        rows = (*_batches("gfpgan-1.4"), *_batches("codeformer"), *rows)
    for name in plan.rows:
        if not any(row.name.startswith(name) for row in rows):
            raise WrongUse(f"there is no stage {name}; there are {', '.join(row.name for row in rows)}")
    chosen = [row for row in rows if not plan.rows or row.name.startswith(plan.rows)]
    return tuple(replace(row, repeats=min(row.repeats, plan.most_repeats)) for row in chosen)


def without_peers(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Our flows only."""
    ours = [replace(row, flows=tuple(flow for flow in row.flows if flow.side == "ours")) for row in rows]
    return tuple(row for row in ours if row.flows)


def _both(maker: str, models: tuple[str, ...], args: dict[str, Any], *, warm: int = 1) -> tuple[Flow, Flow]:
    """The reference as it is, and given our allocator setting."""
    return (
        Flow("reference", maker, models, args, warm=warm),
        Flow("tuned", maker, models, args, warm=warm),
    )


def _networks() -> tuple[Row, ...]:
    gfpgan, former = {"model": "gfpgan-1.4"}, {"model": "codeformer", "weight": 0.5}
    exact = {**gfpgan, "precision": "float32"}
    return (
        Row(
            "gfpgan",
            "GFPGAN 1.4, one face",
            (
                Flow("ours", "ours.faces", ("gfpgan-1.4",), gfpgan),
                Flow("ours", "ours.faces", ("gfpgan-1.4",), exact, "float32"),
                *_both("peers.enhanced_faces", GFPGANER, gfpgan),
            ),
            repeats=5,
        ),
        Row(
            "codeformer",
            "CodeFormer, one face",
            (
                Flow("ours", "ours.faces", ("codeformer",), former),
                *_both("peers.batched_faces", ("codeformer",), former),
            ),
        ),
        Row(
            "parse",
            "ParseNet mask, one face",
            (
                Flow("ours", "ours.parse", ("parsenet",)),
                Flow("ours", "ours.parse", ("parsenet",), {"input_size": 256}, "shown at 256 pixels"),
                *_both("peers.parse", HELPER, {}),
            ),
            repeats=5,
        ),
    )


def _pictures(plan: Plan) -> tuple[Row, ...]:
    seen = {"photo": "large"}
    detect = Row(
        "detect",
        f"detection, {plan.large_megapixels:g} megapixels",
        (
            *(
                Flow("ours", "ours.detect", (f"retinaface-{name}",), {**seen, "backbone": name}, name)
                for name in ("mobilenet", "resnet50")
            ),
            Flow("reference", "peers.detect", HELPER, seen, warm=0),
        ),
        repeats=2,
        needs_gb=0.4 * plan.large_megapixels,
    )
    return detect, *(
        _paste(photo, faces, plan, upscale)
        for photo, faces in (("large", 2), ("group", 13))
        for upscale in (1, 2)
    )


def _paste(photo: str, faces: int, plan: Plan, upscale: int) -> Row:
    args = {"photo": photo, "upscale": upscale}
    return Row(
        f"paste-{faces}-x{upscale}",
        f"crop, masks and paste, {faces} faces, {plan.megapixels[photo]:g} megapixels, upscale {upscale}",
        (Flow("ours", "ours.paste", (), args), Flow("reference", "peers.paste", HELPER, args, warm=0)),
        repeats=2,
        needs_gb=(0.45 if upscale > 1 else 0.15) * plan.megapixels[photo],
    )


def _whole(plan: Plan) -> tuple[Row, ...]:
    small, large = {"model": "gfpgan-1.4", "photo": "small"}, {"model": "gfpgan-1.4", "photo": "large"}
    doubled, former = {**large, "upscale": 2}, {**small, "model": "codeformer", "weight": 0.5}
    size = f"{plan.small_megapixels:g} megapixels, 2 faces"
    size_large = f"{plan.large_megapixels:g} megapixels, 2 faces"
    ours = Flow("ours", "ours.whole", OURS, small)
    slow = Flow("reference", "peers.whole", GFPGANER, large, warm=0)
    formers = Flow("ours", "ours.whole", ("codeformer", *OURS), former)
    return (
        Row("whole-small", f"whole photo, {size}", (ours, *_both("peers.whole", GFPGANER, small)), 2),
        Row(
            "whole-large-x1", f"whole photo, {size_large}", (replace(ours, args=large), slow), 2, needs_gb=10
        ),
        Row(
            "whole-large-x2",
            f"whole photo, {size_large}, upscale 2",
            (replace(ours, args=doubled), replace(slow, args=doubled)),
            2,
            needs_gb=0.5 * plan.large_megapixels,
        ),
        Row(
            "flow-codeformer",
            f"whole photo, {size}, CodeFormer's flow",
            (formers, Flow("reference", "peers.helped", ("codeformer", *HELPER), former)),
            2,
        ),
        Row(
            "flow-webui",
            f"whole photo, {size}, stable-diffusion-webui's flow",
            (ours, Flow("reference", "peers.helped", ("gfpgan-1.4", *HELPER), small)),
            2,
        ),
        _album(plan),
    )


def _album(plan: Plan) -> Row:
    count, fewer = plan.album_photos, plan.album_photos_reference
    args = {"model": "gfpgan-1.4"}
    size = f" of {plan.album_megapixels:g} megapixels" if plan.album_megapixels else ""
    flows = (
        Flow("ours", "ours.folder", OURS, {**args, "first": count}, units=count, warm=0),
        Flow("reference", "peers.folder", GFPGANER, {**args, "first": fewer}, units=fewer, warm=0),
    )
    return Row("folder", f"a folder of {count} photos{size}, by the photo", flows, 1, unit="photos")


def _around(plan: Plan) -> tuple[Row, ...]:
    encoded = {"photo": "large"}
    return (
        Row(
            "png",
            f"PNG of {plan.large_megapixels:g} megapixels (reference: Pillow)",
            (Flow("ours", "ours.png", (), encoded), Flow("reference", "peers.png", (), encoded)),
        ),
        Row(
            "start",
            "import and load (reference: only torch, and the checkpoint read)",
            (
                Flow("ours", "starting.engine", OURS),
                Flow("reference", "starting.bare", ("gfpgan-1.4",)),
            ),
            fresh=True,
        ),
        Row(
            "start-gfpgan",
            "import and load (reference: gfpgan)",
            (Flow("ours", "starting.engine", OURS), Flow("reference", "starting.gfpgan", GFPGANER)),
            fresh=True,
        ),
        Row("help", "`facewatch --help`", (Flow("ours", "shell.help_text"),), 5),
        Row(
            "daemon",
            "the daemon takes photos",
            (Flow("ours", "shell.daemon", (), {"idle_seconds": plan.idle_seconds}, warm=0),),
        ),
    )


def _batches(model: str) -> tuple[Row, ...]:
    """Faces a second on a GPU, the reference at its own best: the bare network, in batches as well."""
    return tuple(
        Row(
            f"batch-{model}-{count}",
            f"{model}, {count} faces at once, by the face (reference: at its best batch)",
            (
                Flow(
                    "ours",
                    "ours.faces",
                    (model,),
                    {"model": model, "batch": count, "weight": 0.5},
                    units=count,
                ),
                *(
                    Flow(
                        "reference",
                        "peers.batched_faces",
                        (model,),
                        {"model": model, "batch": theirs, "weight": 0.5},
                        f"batch {theirs}",
                        units=theirs,
                    )
                    for theirs in (1, 4, 16)
                ),
            ),
            repeats=10,
            unit="faces",
        )
        for count in (1, 4, 16)
    )
