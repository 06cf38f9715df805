"""Paths that name the same folder: through links, with `..`, in other case, with composed accents or not."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def path_within(folder: Path, outer: Path) -> Path | None:
    """Return the path of `folder` relative to `outer`, with links resolved; None if it is not inside.

    Neither has to exist. `Path(".")` when both are the same folder.
    """
    real, real_outer = Path(os.path.realpath(folder)), Path(os.path.realpath(outer))
    above = next((place for place in (real, *real.parents) if _is_same(place, real_outer)), None)
    return None if above is None else real.relative_to(above)


def as_walked(folder: Path, root: Path) -> Path | None:
    """Return the path under which a walk through `root` finds `folder`; None if it is not below `root`."""
    relative = path_within(folder, root)
    if relative is None or not relative.parts:
        return None
    found = root
    for part in relative.parts:
        found /= _as_listed(found, part)
    return found


def _is_same(one: Path, other: Path) -> bool:
    if os.path.normcase(one) == os.path.normcase(other):
        return True
    try:
        return one.samefile(other)  # only the file system knows whether it distinguishes case and accents
    except OSError:
        return False


def _as_listed(folder: Path, name: str) -> str:
    """Return the name in the folder's own listing of the entry that `name` opens."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - the names alone
    except OSError:
        return name
    if name in names or not os.path.lexists(folder / name):
        return name
    return next((listed for listed in names if _normalized(listed) == _normalized(name)), name)


def _normalized(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
