"""One folder, spelled in several ways: by a link, with `..`, in other case, its accents composed or not."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def path_within(folder: Path, outer: Path) -> Path | None:
    """The way from `outer` down to `folder`, by what they really are; None where it does not lie in there.

    Neither has to exist. `Path(".")` where they are the same.
    """
    real, real_outer = Path(os.path.realpath(folder)), Path(os.path.realpath(outer))
    above = next((place for place in (real, *real.parents) if _same(place, real_outer)), None)
    return None if above is None else real.relative_to(above)


def as_walked(folder: Path, root: Path) -> Path | None:
    """What a walk through `root` meets `folder` as; None where it does not lie below it."""
    way = path_within(folder, root)
    if way is None or not way.parts:
        return None
    found = root
    for part in way.parts:
        found /= _as_listed(found, part)
    return found


def _same(one: Path, other: Path) -> bool:
    if os.path.normcase(one) == os.path.normcase(other):
        return True
    try:
        return one.samefile(other)  # the system alone knows whether it tells case and accents apart
    except OSError:
        return False


def _as_listed(folder: Path, name: str) -> str:
    """The name that the folder's own list has for what `name` opens."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - the names alone
    except OSError:
        return name
    if name in names or not os.path.lexists(folder / name):
        return name
    return next((listed for listed in names if _plain(listed) == _plain(name)), name)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
