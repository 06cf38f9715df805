"""Networks as they were published, built without memory and without numbers, to lay a checkpoint against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

# What constructors do with their first numbers; each leaves a tensor's shape as it was.
_NUMBERS_ONLY = {"div", "kaiming_uniform_", "normal_", "uniform_"}


@contextmanager
def blank() -> Iterator[None]:
    """All tensors made inside have a shape, and nothing else."""
    with torch.device("meta"), _Unfilled():
        yield


class _Unfilled(TorchFunctionMode):
    """Leaves tensors as they are where a constructor would fill them.

    Without memory they get no numbers anyway, but torch would import its compiler for it, which takes 1.2 s.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func.__name__ in _NUMBERS_ONLY:
            return args[0] if args else given["tensor"]
        if func is torch.randn:
            return torch.empty(*args, **given)
        return func(*args, **given)
