"""Face networks exported to ONNX beside the same networks in torch.

    python -m benchmarks.onnx_beside [NAME...]

writes each with random weights of the published form, exports it at its full size by torch.onnx, restores the
same picture with onnxruntime and with facewatch's network in torch, on the processor, and prints the largest
difference of their outputs, on a range of 2. GFPGAN, CodeFormer and RestoreFormer are exported from the
published module, the others from facewatch's; CodeFormer has an input for the weight.
"""

from __future__ import annotations

import importlib
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from benchmarks import published, published_field
from benchmarks.against_published import comparison_suffix, make_faces
from facewatch.restoration.networks import loader, onnx_network
from facewatch.restoration.networks.state_dict import read_state_dict

TOLERANCE = 1e-3
NETWORKS: dict[str, Callable[[Path], Path]] = {
    "gfpgan-1.4": published.gfpgan,
    "codeformer": published.codeformer,
    "restoreformer": published.restoreformer,
    **{
        name: published_field.FORMS[name] for name in ("restoreformer++", "gpen-256", "gpen-512", "gpen-1024")
    },
}
_PUBLISHED = {
    "gfpgan-1.4": "spandrel.architectures.GFPGAN",
    "codeformer": "spandrel_extra_arches.architectures.CodeFormer",
    "restoreformer": "spandrel.architectures.RestoreFormer",
}
WEIGHTS = {"codeformer": (0.25, 0.5, 1.0)}
"""Of the networks that take one; 0 leaves a part of CodeFormer out, which an export cannot."""


class _Exported(torch.nn.Module):
    """A network in the form that torch.onnx traces: faces, perhaps a weight, to faces."""

    def __init__(self, draw: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self._draw = draw

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        return self._draw(*given)


def _to_export(name: str, checkpoint: Path, network: loader.TorchNetwork) -> Callable[..., torch.Tensor]:
    """Return what is exported; facewatch's forms of the first three work in place, which no trace sees."""
    if name not in _PUBLISHED:
        return lambda faces: network.infer(faces, 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a deprecated call of torch
        module = importlib.import_module(_PUBLISHED[name])
    published = getattr(module, _PUBLISHED[name].rpartition(".")[2])().eval()
    published.load_state_dict(read_state_dict(checkpoint), assign=True)
    published.requires_grad_(requires_grad=False)
    options = {"return_rgb": False, "randomize_noise": False} if name == "gfpgan-1.4" else {}
    if name == "codeformer":
        sizes = (
            published.fuse_convs_dict
        )  # by the width of a picture as a text: "32", in a trace "tensor(32)"
        sizes.update({f"tensor({width})": fuse for width, fuse in sizes.items()})
        return lambda faces, weight: published(faces, weight=weight)[0]
    return lambda faces: published(faces, **options)[0]


def export(draw: Callable[..., torch.Tensor], path: Path, side: int, *, with_weight: bool) -> Path:
    """Write a network as an ONNX file of the form that facewatch takes."""
    given = (torch.zeros(1, 3, side, side), *([torch.tensor([0.5])] if with_weight else []))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of constants in the trace
        torch.onnx.export(
            _Exported(draw), given, path, input_names=["input", "weight"][: len(given)], dynamo=False
        )
    return path


def compare(name: str) -> float:
    """Return the largest difference between a network's outputs in onnxruntime and in torch."""
    largest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = NETWORKS[name](Path(folder, f"{name}{comparison_suffix(name)}"))
        network = loader.load(checkpoint, name, "cpu")
        weights = WEIGHTS.get(name)
        draw = _to_export(name, checkpoint, network)
        path = export(draw, Path(folder, f"{name}.onnx"), network.crop_size, with_weight=weights is not None)
        exported = onnx_network.load(path, name, "cpu")
        faces = make_faces(network.crop_size)
        for weight in weights or (0.0,):
            expected = network.infer(faces, weight).numpy()
            difference = float(np.abs(exported.infer(faces.numpy(), weight) - expected).max())
            print(f"{name}, weight {weight}: {difference:.1e}, deviation {expected.std():.2f}", flush=True)
            largest = max(largest, difference)
    return largest


def main(names: Annotated[list[str] | None, typer.Argument(help="Networks; all if none.")] = None) -> None:
    """Compare exported face networks with the same networks in torch."""
    raise typer.Exit(1 if max(compare(name) for name in names or NETWORKS) > TOLERANCE else 0)


if __name__ == "__main__":
    typer.run(main)
