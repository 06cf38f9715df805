"""The rows of the table: each is one kind of work, with the flows that do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from facewatch.errors import WrongUse

OURS, STARTUP = "facewatch.cli.bench.ours", "facewatch.cli.bench.startup"
WEIGHTS = {"gfpgan-1.4": 0.0, "codeformer": 0.5, "restoreformer": 0.0}
TITLES = {"gfpgan-1.4": "GFPGAN 1.4", "codeformer": "CodeFormer", "restoreformer": "RestoreFormer"}
BATCHES = (1, 4, 16)


@dataclass(frozen=True)
class Plan:
    """Sizes of the pictures, number of repetitions, and the rows to measure."""

    small_megapixels: float = 2.5
    large_megapixels: float = 24
    group_megapixels: float = 20
    album_photos: int = 5
    album_megapixels: float | None = None  # None: each photo at its own size
    idle_seconds: float = 20
    most_repeats: int = 100
    mask: Literal["soft", "parse"] = "soft"  # of whole photos
    rows: tuple[str, ...] = ()  # names, or how they begin; empty: all

    @property
    def megapixels(self) -> dict[str, float]:
        """Sizes by the picture's name."""
        return {
            "small": self.small_megapixels,
            "large": self.large_megapixels,
            "group": self.group_megapixels,
        }


QUICK = Plan(
    small_megapixels=1,
    large_megapixels=6,
    group_megapixels=4,
    album_photos=2,
    idle_seconds=2,
    most_repeats=1,
    rows=("gfpgan", "parse", "detect", "paste-2", "whole-small", "png", "start", "help"),
)
"""Some rows on small pictures: within two minutes on two cores."""


@dataclass(frozen=True)
class Flow:
    """One way to do a row's work."""

    maker: str  # as Case.maker
    models: tuple[str, ...] = ()  # by their names in the catalogue
    args: dict[str, Any] = field(default_factory=dict)  # "photo" is a picture's name, not its path yet
    label: str = ""  # what distinguishes it from the other flows of its side
    side: str = "ours"  # in benchmarks/: which program it is
    warm: int = 1  # repetitions that do not count
    units: int = 1  # faces or photos in one repetition
    needs_gb: float = 0  # of free memory, or the flow is not run
    own_memory: bool = True  # False: processes started by the measured one do the work


@dataclass(frozen=True)
class Row:
    """One line of the table, or one for each flow of ours."""

    name: str
    title: str
    flows: tuple[Flow, ...]
    repeats: int = 3
    fresh: bool = False  # each repetition is a new process, and the time until it is ready is measured
    unit: str = ""  # what is counted by the second: "faces", "photos"


def detector_for(device: str) -> str:
    """Return the detector that facewatch uses on a device."""
    return "retinaface-mobilenet" if device == "cpu" else "retinaface-resnet50"


def plan_for(plan: Plan, device: str) -> Plan:
    """Return the plan, with a folder large enough to keep a GPU busy."""
    if not device.startswith("cuda") or plan.most_repeats == 1:
        return plan
    return replace(plan, album_photos=200, album_megapixels=12)


def every_row(plan: Plan, device: str) -> tuple[Row, ...]:
    """Return all rows for this device."""
    batches = [_batch(name, count) for name in ("gfpgan-1.4", "codeformer") for count in BATCHES]
    return (
        *(batches if device.startswith("cuda") else ()),
        *_networks(),
        *_pictures(plan),
        *_whole(plan, device),
        *_program(plan, device),
    )


def chosen_rows(rows: Sequence[Row], plan: Plan) -> tuple[Row, ...]:
    """Return the rows that a plan names.

    Raises WrongUse when it names one that does not exist.
    """
    for name in plan.rows:
        if not any(row.name.startswith(name) for row in rows):
            raise WrongUse(f"there is no stage {name}; there are {', '.join(row.name for row in rows)}")
    chosen = [row for row in rows if not plan.rows or row.name.startswith(plan.rows)]
    return tuple(replace(row, repeats=min(row.repeats, plan.most_repeats)) for row in chosen)


def rows_for(plan: Plan, device: str) -> tuple[Row, ...]:
    """Return the rows that `facewatch bench` measures.

    Raises WrongUse when the plan names one that does not exist.
    """
    return chosen_rows(every_row(plan, device), plan)


def _networks() -> tuple[Row, ...]:
    rows = []
    for name, weight in WEIGHTS.items():
        flows = [Flow(f"{OURS}:faces", (name,), {"model": name, "weight": weight})]
        if name == "gfpgan-1.4":
            flows.append(replace(flows[0], args={**flows[0].args, "precision": "float32"}, label="float32"))
        rows.append(Row(name, f"{TITLES[name]}, one face", tuple(flows), 5 if len(flows) > 1 else 3))
    parse = Flow(f"{OURS}:parse", ("parsenet",))
    small = replace(parse, args={"input_size": 256}, label="shown at 256 pixels")
    compare = Flow(f"{OURS}:identity", ("sface",))
    return (
        *rows,
        Row("parse", "ParseNet mask, one face", (parse, small), 5),
        Row("identity", "comparison with the original, one face", (compare,), 5),
    )


def _batch(name: str, count: int) -> Row:
    flow = Flow(f"{OURS}:faces", (name,), {"model": name, "batch": count, "weight": 0.5}, units=count)
    return Row(
        f"batch-{name}-{count}", f"{name}, {count} faces at once, by the face", (flow,), 10, unit="faces"
    )


def _pictures(plan: Plan) -> tuple[Row, ...]:
    detect = tuple(
        Flow(f"{OURS}:detect", (f"retinaface-{name}",), {"photo": "large", "backbone": name}, name)
        for name in ("mobilenet", "resnet50")
    )
    return (
        Row("detect", f"detection, {plan.large_megapixels:g} megapixels", detect, 2),
        *(
            Row(
                f"paste-{faces}-x{upscale}",
                f"crop, masks and paste, {faces} faces, {plan.megapixels[photo]:g} megapixels, "
                f"upscale {upscale}",
                (Flow(f"{OURS}:paste", (), {"photo": photo, "upscale": upscale}),),
                2,
            )
            for photo, faces in (("large", 2), ("group", 13))
            for upscale in (1, 2)
        ),
    )


def _whole(plan: Plan, device: str) -> tuple[Row, ...]:
    parser = ("parsenet",) if plan.mask == "parse" else ()

    def flow(name: str, maker: str = "whole", **args: Any) -> Flow:
        args = {"model": name, "weight": WEIGHTS[name], "mask": plan.mask, **args}
        return Flow(f"{OURS}:{maker}", (name, detector_for(device), *parser), args)

    small = f"whole photo, {plan.small_megapixels:g} megapixels, 2 faces"
    large = f"whole photo, {plan.large_megapixels:g} megapixels, 2 faces"
    count = plan.album_photos
    size = f" of {plan.album_megapixels:g} megapixels" if plan.album_megapixels else ""
    album = replace(flow("gfpgan-1.4", "folder", first=count), units=count, warm=0)
    return (
        Row("whole-small", small, (flow("gfpgan-1.4", photo="small"),), 2),
        Row("whole-large-x1", large, (flow("gfpgan-1.4", photo="large"),), 2),
        Row("whole-large-x2", f"{large}, upscale 2", (flow("gfpgan-1.4", photo="large", upscale=2),), 2),
        Row("whole-codeformer", f"{small}, CodeFormer", (flow("codeformer", photo="small"),), 2),
        Row("folder", f"a folder of {count} photos{size}, by the photo", (album,), 1, unit="photos"),
    )


def _program(plan: Plan, device: str) -> tuple[Row, ...]:
    load = Flow(f"{STARTUP}:engine", ("gfpgan-1.4", detector_for(device)))
    idle = Flow(f"{STARTUP}:daemon", (), {"idle_seconds": plan.idle_seconds}, warm=0, own_memory=False)
    encode = Flow(f"{OURS}:png", (), {"photo": "large"})
    return (
        Row("png", f"PNG of {plan.large_megapixels:g} megapixels", (encode,)),
        Row("start", "import and load", (load,), fresh=True),
        Row("help", "`facewatch --help`", (Flow(f"{STARTUP}:help_text", own_memory=False),), 5),
        Row("daemon", "start of the daemon", (idle,)),
    )
