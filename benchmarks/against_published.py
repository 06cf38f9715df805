"""Comparison of the further face networks with the code that their projects published.

    python -m benchmarks.against_published NAME CODE

writes a random checkpoint of the published form, loads it strictly with the project's own code in the folder
CODE (a clone of its repository) and with facewatch, and prints the largest difference of their outputs.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks import published_field
from facewatch.errors import FlowFailed
from facewatch.restoration.networks import loader

TOLERANCE = 1e-4
"""The largest difference allowed, on a range of 2."""


@dataclass(frozen=True)
class Comparison:
    """How to compare one network."""

    write: Callable[[Path], Path]  # its checkpoint
    theirs: Callable[[Path, Path], Callable[[torch.Tensor, float], torch.Tensor]]  # of code and checkpoint
    commit: str  # of the published code, with which the comparison was made
    weights: tuple[float, ...] = (0.0,)


def _gpen(size: int, narrow: float, multiplier: int) -> Callable[[Path, Path], Any]:
    def load(code: Path, checkpoint: Path) -> Callable[[torch.Tensor, float], torch.Tensor]:
        (module,) = _modules(code / "face_model", "gpen_model")
        network = module.FullGenerator(size, 512, 8, multiplier, narrow=narrow).eval()
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
        return lambda x, _weight: network(x)[0]

    return load


def _restoreformer(code: Path, checkpoint: Path) -> Callable[[torch.Tensor, float], torch.Tensor]:
    (module,) = _modules(code / "RestoreFormer" / "modules" / "vqvae", "vqvae_arch")
    network = module.VQVAEGANMultiHeadTransformer(head_size=4, ex_multi_scale_num=1).eval()
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    network.load_state_dict({key.removeprefix("vqvae."): tensor for key, tensor in state.items()})
    return lambda x, _weight: network(x)[0]


_GPEN_COMMIT = "2c736702983368847fb544d234a22ac7cff25802"
COMPARISONS: dict[str, Comparison] = {
    "restoreformer++": Comparison(
        published_field.restoreformer_plus_plus,
        _restoreformer,
        "59d250f45d6b11a3e620d62e6e067ca1288f93a9",
    ),
    "gpen-64": Comparison(
        lambda path: published_field.gpen(path, 64, width=1 / 8), _gpen(64, 1 / 8, 1), _GPEN_COMMIT
    ),
    "gpen-256": Comparison(published_field.FORMS["gpen-256"], _gpen(256, 0.5, 1), _GPEN_COMMIT),
    "gpen-512": Comparison(published_field.FORMS["gpen-512"], _gpen(512, 1, 2), _GPEN_COMMIT),
    "gpen-1024": Comparison(published_field.FORMS["gpen-1024"], _gpen(1024, 1, 2), _GPEN_COMMIT),
    "gpen-2048": Comparison(published_field.FORMS["gpen-2048"], _gpen(2048, 1, 2), _GPEN_COMMIT),
}
"""By the model's name; `gpen-64` is a small one for a quick check."""


def compare(name: str, code: Path) -> float:
    """Return the largest difference between facewatch's and the published output of a random network.

    Raises FlowFailed when there is no such comparison, or the published output shows nothing.
    """
    if name not in COMPARISONS:
        raise FlowFailed(f"there is no comparison {name}; known: {', '.join(COMPARISONS)}")
    comparison, largest = COMPARISONS[name], 0.0
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        checkpoint = comparison.write(Path(folder, f"{name}{comparison_suffix(name)}"))
        ours = loader.load(checkpoint, name, "cpu")
        theirs = comparison.theirs(code, checkpoint)
        faces = _faces(ours.crop_size)
        for weight in comparison.weights:
            published = theirs(faces, weight)
            if published.std() < 0.05:
                raise FlowFailed(f"{name}: the published network's output is a plain colour")
            difference = (ours.infer(faces, weight) - published).abs().max().item()
            print(f"{name}, weight {weight}: {difference:.1e}, deviation {published.std().item():.2f}")
            largest = max(largest, difference)
    return largest


def comparison_suffix(name: str) -> str:
    """Return the suffix of a checkpoint's file."""
    return ".ckpt" if name.startswith("restoreformer") else ".pth"


def _modules(folder: Path, *names: str) -> list[Any]:
    """Import modules of the published code."""
    sys.path.insert(0, str(folder))
    return [importlib.import_module(name) for name in names]


def _faces(side: int) -> torch.Tensor:
    """Return one picture with edges, gradients and noise, (1, 3, side, side) in [-1, 1]."""
    generator = torch.Generator().manual_seed(5)
    coarse = torch.rand(1, 3, 16, 16, generator=generator)
    fine = torch.rand(1, 3, side, side, generator=generator)
    return coarse.repeat_interleave(side // 16, 2).repeat_interleave(side // 16, 3) + fine - 1


def main(
    name: Annotated[str, typer.Argument(help="A network.")],
    code: Annotated[Path, typer.Argument(help="A clone of its repository.")],
) -> None:
    """Compare a network of facewatch with the code that its project published."""
    raise typer.Exit(1 if compare(name, code) > TOLERANCE else 0)


if __name__ == "__main__":
    typer.run(main)
