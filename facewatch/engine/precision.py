"""The precision of the networks on this machine: measured at the first load, and remembered."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facewatch.errors import FacewatchError
from facewatch.system.atomic import write_atomically
from facewatch.system.paths import Places

if TYPE_CHECKING:
    from facewatch.restoration.networks.fast import Precision

FILE = "precision.json"
Measure = Callable[[str, tuple["Precision", ...]], dict["Precision", float]]


def remembered_in() -> Path:
    """Return the file that keeps the measurements of this machine."""
    return Places.standard().state / FILE


def decide(
    requested: str, device: str, file: Path | None = None, trial: Measure | None = None
) -> tuple[Precision, str]:
    """Return the precision to compute in, and why: "bfloat16, measured: 11 ms, float32 34 ms".

    requested  a name is taken or refused; "auto" takes the fastest that is safe for every network: the only
               one that the device has, or by a measurement of a fraction of a second, which is repeated when
               torch, the device or its number of threads is another
    device     from `device.choose`
    file       keeps the measurements; by default `remembered_in`

    Raises NoSuchDevice for a precision that the device does not have.
    """
    from facewatch.restoration.networks import precision
    from facewatch.restoration.networks import trial as trials

    safe = trials.candidates(device)
    if requested != "auto" or len(safe) == 1:
        return precision.choose(requested, device), precision.describe(requested, device)
    path, key = file or remembered_in(), trials.conditions(device)
    known = _read(path)
    if _is_whole(known.get(key), safe):
        seconds: dict[Precision, float] = known[key]
    else:
        seconds = (trial or trials.measure)(device, safe)
        _remember(path, {**known, key: seconds})
    chosen = trials.fastest(seconds)
    others = [f"{name} {_shown(seconds[name])}" for name in safe if name != chosen]
    return chosen, f"{chosen}, measured here: {_shown(seconds[chosen])}, {', '.join(others)}"


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"


def _is_whole(seconds: Any, safe: tuple[Precision, ...]) -> bool:
    return isinstance(seconds, dict) and all(
        isinstance(seconds.get(name), float) and seconds[name] > 0 for name in safe
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):  # none yet, or damaged: it is measured again
        return {}
    return known if isinstance(known, dict) else {}


def _remember(path: Path, known: dict[str, Any]) -> None:
    try:
        write_atomically(path, json.dumps(known, indent=1).encode())
    except FacewatchError:  # the next start measures again
        traceback.print_exc()
