"""The curves of the identity gate, from what `training.identity` measured, as Markdown."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facewatch.restoration.alignment import TEMPLATE
from facewatch.restoration.identity.verdict import LEAST_CLEARNESS, floor_for
from training.faces import SHARED

Floats = npt.NDArray[np.float32]
BANDS = (0.0, 8.0, 9.0, 9.5, 10.0, 10.5, 11.0, 12.0, 99.0)  # of the clearness
FLOORS = (0.25, 0.30, 0.35, 0.40, 0.45, 0.50)
SKIN = ((-99.0, 10.0, "dark"), (10.0, 41.0, "medium"), (41.0, 99.0, "light"))  # ITA, degrees, crude


class Measured:
    """The similarities of one set of faces."""

    def __init__(self, file: Path) -> None:
        data = np.load(file)
        self.files: list[str] = data["files"].tolist()
        self.levels: list[str] = data["levels"].tolist()
        self.marks: Floats = data["marks"]
        self.clearness: Floats = np.linalg.norm(data["before"], axis=-1)  # (faces, inputs)
        before, after, clean = (_unit(data[name]) for name in ("before", "after", "clean"))
        count = len(self.files)
        self.builtin: Floats = (before * after).sum(-1)
        self.perfect: Floats = np.einsum("nld,nd->nl", before, clean)
        strangers = np.einsum("nld,md->nlm", before, clean)
        restored = np.einsum("nld,mld->nlm", before, after)  # of the same level: as blurred as the input
        others = ~np.eye(count, dtype=bool)
        self.strangers: Floats = strangers.transpose(0, 2, 1)[others].reshape(count, count - 1, -1)
        self.blurred_strangers: Floats = restored.transpose(0, 2, 1)[others].reshape(count, count - 1, -1)
        self.others = [[m for m in range(count) if m != n] for n in range(count)]

    def rows(self, chosen: npt.NDArray[np.bool_]) -> list[str]:
        """Return the cells of one line for the inputs of a (faces, inputs) mask."""
        floors = np.vectorize(floor_for)(self.clearness)[chosen]
        perfect, builtin = self.perfect[chosen], self.builtin[chosen]
        strangers = self.strangers.transpose(0, 2, 1)[chosen]
        blurred = self.blurred_strangers.transpose(0, 2, 1)[chosen]
        return [
            str(int(chosen.sum())),
            f"{np.median(perfect):.2f}, {np.percentile(perfect, 2):.2f}",
            f"{np.median(builtin):.2f}, {np.percentile(builtin, 2):.2f}",
            f"{np.percentile(strangers, 98):.2f}, {np.percentile(strangers, 99.8):.2f}",
            f"{floors.min():.2f}-{floors.max():.2f}",
            _percent((builtin < floors).mean()),
            _percent((perfect < floors).mean()),
            _percent((strangers >= floors[:, None]).mean()),
            _percent((blurred >= floors[:, None]).mean()),
        ]


def curves(file: Path) -> str:
    """Return every table for one measured set."""
    measured = Measured(file)
    head = (
        "inputs",
        "perfect: median, 2 %",
        "builtin: median, 2 %",
        "strangers: 98 %, 99.8 %",
        "floor",
        "false alarms, builtin",
        "false alarms, perfect",
        "missed strangers",
        "missed, as blurred",
    )
    parts = ["By clearness\n", _table(("clearness", *head), _by_band(measured))]
    parts += ["By input\n", _table(("input", *head), _by_level(measured))]
    clear = measured.clearness >= LEAST_CLEARNESS
    parts += ["By group, inputs that can be judged\n", _table(("group", *head), _by_group(measured, clear))]
    parts += ["By floor, inputs that can be judged\n", _by_floor(measured, clear)]
    parts += ["Longest way of a landmark, eye distances\n", _by_mark(measured)]
    return "\n".join(parts)


def _by_band(measured: Measured) -> list[list[str]]:
    rows = []
    for low, high in pairwise(BANDS):
        chosen = (measured.clearness >= low) & (measured.clearness < high)
        if chosen.any():
            rows.append([f"{low:g}-{high:g}", *measured.rows(chosen)])
    return rows


def _by_level(measured: Measured) -> list[list[str]]:
    rows = []
    for level in dict.fromkeys(measured.levels):
        chosen = np.zeros(measured.clearness.shape, bool)
        chosen[:, [place for place, name in enumerate(measured.levels) if name == level]] = True
        judged = (measured.clearness[chosen] >= LEAST_CLEARNESS).mean()
        rows.append([f"{level} ({_percent(judged)} judged)", *measured.rows(chosen)])
    return rows


def _by_group(measured: Measured, clear: npt.NDArray[np.bool_]) -> list[list[str]]:
    with (SHARED / "faces" / "MANIFEST.csv").open() as lines:
        manifest = {row["file"]: row for row in csv.DictReader(lines)}
    groups: dict[str, list[bool]] = {}
    for source in dict.fromkeys(name.split("/")[0] for name in measured.files):
        groups[source] = [name.startswith(f"{source}/") for name in measured.files]
    for low, high, words in SKIN:
        tones = [float(manifest[name]["ita"]) for name in measured.files]
        groups[f"{words} skin"] = [low <= tone < high for tone in tones]
    rows = []
    for name, members in groups.items():
        inside = np.array(members)
        if inside.sum() < 3:
            continue
        rows.append(
            [f"{name} ({int(inside.sum())} faces)", *_within(measured, inside).rows(clear & inside[:, None])]
        )
    return rows


def _within(measured: Measured, inside: npt.NDArray[np.bool_]) -> Measured:
    """Return the same with strangers of the same group only: they are more alike."""
    part = object.__new__(Measured)
    part.__dict__.update(measured.__dict__)
    for name in ("strangers", "blurred_strangers"):
        values = getattr(measured, name).copy()
        for face, others in enumerate(measured.others):
            values[face, ~inside[others]] = -1.0
        kept = int(inside.sum()) - 1
        setattr(part, name, np.sort(values, axis=1)[:, -kept:])
    return part


def _by_floor(measured: Measured, clear: npt.NDArray[np.bool_]) -> str:
    builtin, perfect = measured.builtin[clear], measured.perfect[clear]
    strangers = measured.strangers.transpose(0, 2, 1)[clear]
    rows = [
        [
            f"{floor:.2f}",
            _percent((builtin < floor).mean()),
            _percent((perfect < floor).mean()),
            _percent((strangers >= floor).mean()),
        ]
        for floor in FLOORS
    ]
    head = ("floor", "false alarms, builtin", "false alarms, perfect", "missed strangers")
    return _table(head, rows)


def _by_mark(measured: Measured) -> str:
    apart = TEMPLATE[1][0] - TEMPLATE[0][0]
    before, after, clean = (measured.marks[:, :, place] for place in range(3))
    rows = []
    for place, level in enumerate(measured.levels):
        cells = [level, _percent(float(np.isnan(before[:, place, 0, 0]).mean()))]
        for name in (after, clean):
            moved = np.linalg.norm(name[:, place] - before[:, place], axis=-1).max(-1) / apart
            known = moved[~np.isnan(before[:, place, 0, 0])]
            gone = float(np.isnan(known).mean()) if len(known) else 0.0
            known = known[~np.isnan(known)]
            shown = (np.percentile(known, q) for q in (50, 98, 100)) if len(known) else ()
            cells += [", ".join(f"{value:.2f}" for value in shown), _percent(gone)]
        rows.append(cells)
    head = (
        "input",
        "no face found before",
        "builtin: 50, 98, 100 %",
        "gone",
        "perfect: 50, 98, 100 %",
        "gone",
    )
    return _table(head, rows)


def _unit(vectors: Any) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines) + "\n"
