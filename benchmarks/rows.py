"""The rows of `facewatch bench`, with the flows of the reference programs beside ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from facewatch.cli.bench.rows import BATCHES, Flow, Plan, Row, chosen_rows, every_row

NEED_GFPGAN = {f"benchmarks.peers:{name}" for name in ("enhanced_faces", "whole", "folder", "load_gfpgan")}
"""Makers that need gfpgan installed."""
GFPGANER = ("gfpgan-1.4", "retinaface-resnet50", "parsenet")
HELPER = ("retinaface-resnet50", "parsenet")
MOST_ALBUM_PHOTOS = 24  # the slow reference need not restore them all: times are by the photo
NOTES = {
    "batch": "reference: at its best batch",
    "png": "reference: Pillow",
    "start": "reference: only torch, and the checkpoint read",
    "start-gfpgan": "reference: gfpgan",
}


def rows_for(plan: Plan, device: str) -> tuple[Row, ...]:
    """Return the rows that a plan names, each with the flows of both sides.

    Raises WrongUse when the plan names one that does not exist.
    """
    rows = []
    for row in every_row(plan, device):
        rows.append(row)
        if row.name == "whole-small":
            rows.append(replace(row, name="whole-webui", title=f"{row.title}, stable-diffusion-webui's flow"))
        if row.name == "start":
            rows.append(replace(row, name="start-gfpgan"))
    references = _references(plan)
    both = []
    for row in rows:
        note = NOTES.get("batch" if row.name.startswith("batch") else row.name)
        title = f"{row.title} ({note})" if note else row.title
        both.append(replace(row, title=title, flows=(*row.flows, *references.get(row.name, ()))))
    return chosen_rows(both, plan)


def _references(plan: Plan) -> dict[str, tuple[Flow, ...]]:
    """Return the reference flows by the name of their row."""
    large = plan.large_megapixels
    fewer = min(plan.album_photos, MOST_ALBUM_PHOTOS)
    whole = _flow("whole", GFPGANER, model="gfpgan-1.4", photo="small")
    slow = _flow("whole", GFPGANER, warm=0, needs_gb=10, model="gfpgan-1.4", photo="large")
    doubled = replace(slow, needs_gb=0.5 * large, args={**slow.args, "upscale": 2})
    former: dict[str, Any] = {"model": "codeformer", "weight": 0.5}
    return {
        "gfpgan-1.4": _both(_flow("enhanced_faces", GFPGANER, model="gfpgan-1.4")),
        "codeformer": _both(_flow("batched_faces", ("codeformer",), **former)),
        "parse": _both(_flow("parse", HELPER)),
        "detect": (_flow("detect", HELPER, warm=0, needs_gb=0.4 * large, photo="large"),),
        **{
            f"paste-{faces}-x{upscale}": _paste(plan, faces, upscale)
            for faces in (2, 13)
            for upscale in (1, 2)
        },
        "whole-small": _both(whole),
        "whole-large-x1": (slow,),
        "whole-large-x2": (doubled,),
        "whole-codeformer": (_flow("helped", ("codeformer", *HELPER), photo="small", **former),),
        "whole-webui": (_flow("helped", ("gfpgan-1.4", *HELPER), photo="small", model="gfpgan-1.4"),),
        "folder": (_flow("folder", GFPGANER, warm=0, units=fewer, model="gfpgan-1.4", first=fewer),),
        "png": (_flow("png", (), photo="large"),),
        "start": (_flow("load_bare", ("gfpgan-1.4",)),),
        "start-gfpgan": (_flow("load_gfpgan", GFPGANER),),
        **{
            f"batch-{name}-{count}": _batches(name)
            for name in ("gfpgan-1.4", "codeformer")
            for count in BATCHES
        },
    }


def _flow(
    maker: str, models: tuple[str, ...], *, warm: int = 1, units: int = 1, needs_gb: float = 0, **args: Any
) -> Flow:
    return Flow(
        f"benchmarks.peers:{maker}",
        models,
        args,
        side="reference",
        warm=warm,
        units=units,
        needs_gb=needs_gb,
    )


def _both(flow: Flow) -> tuple[Flow, Flow]:
    """Return the reference unchanged, and with the allocator setting of facewatch's engine."""
    return flow, replace(flow, side="tuned")


def _paste(plan: Plan, faces: int, upscale: int) -> tuple[Flow, ...]:
    photo = "large" if faces == 2 else "group"
    needs_gb = (0.45 if upscale > 1 else 0.15) * plan.megapixels[photo]
    return (_flow("paste", HELPER, warm=0, needs_gb=needs_gb, photo=photo, upscale=upscale),)


def _batches(name: str) -> tuple[Flow, ...]:
    """Return the reference at its own best: the bare network, in batches as well."""
    return tuple(
        replace(
            _flow("batched_faces", (name,), units=count, model=name, batch=count, weight=0.5),
            label=f"batch {count}",
        )
        for count in BATCHES
    )
