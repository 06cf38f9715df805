"""torchvision without torch's compiler, for an engine that starts soon and stays small."""

from __future__ import annotations

import sys
import types
from contextlib import suppress

_COMPILER = "torch._dynamo.utils"


def import_torchvision() -> None:
    """Import torchvision, which facexlib and spandrel are built on, before they do.

    It takes one name from torch's compiler, for a layer that no network here has, and the compiler takes over
    a second and 140 MB. Something of that name stands in for it only until torchvision is imported; whoever
    asks for the compiler later gets the real one.
    """
    if "torchvision" in sys.modules or _COMPILER in sys.modules:
        return
    import torch  # noqa: F401 - what torch itself takes from the compiler must be the real one

    stand_in = types.ModuleType(_COMPILER)
    stand_in.is_compile_supported = _not_asked  # type: ignore[attr-defined]
    sys.modules[_COMPILER] = stand_in
    with suppress(ImportError):  # a release that takes more: who imports it next does so with the compiler
        import torchvision  # noqa: F401
    del sys.modules[_COMPILER]


def _not_asked(_device: str) -> bool:
    return False
