"""Import of torchvision without torch's compiler, for a quick start and less memory."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_COMPILER = "torch._dynamo.utils"


def import_torchvision() -> None:
    """Import torchvision before facexlib and spandrel do.

    It imports one name from torch's compiler, for a layer that no network here has, and the compiler costs
    over a second and 140 MB. A stub module replaces it until torchvision is imported; later imports of the
    compiler get the real one.
    """
    if "torchvision" in sys.modules or _COMPILER in sys.modules:
        return
    import torch  # noqa: F401 - what torch itself takes from the compiler must be the real one

    stub = types.ModuleType(_COMPILER)
    stub.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    sys.modules[_COMPILER] = stub
    with suppress(ImportError):  # a release that imports more: the next import loads the compiler
        import torchvision  # noqa: F401
    del sys.modules[_COMPILER]


def deformable_convolution() -> Callable[..., Any]:
    """Return torchvision's deformable convolution."""
    import_torchvision()
    from torchvision.ops import deform_conv2d

    found: Callable[..., Any] = deform_conv2d
    return found


def _is_compile_supported(_device: str) -> bool:
    return False
