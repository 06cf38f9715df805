"""Comparison of the further face networks with the code that their projects published.

    python -m benchmarks.against_published NAME CODE

writes a random checkpoint of the published form, loads it strictly with the project's own code in the folder
CODE (a clone of its repository) and with facewatch, and prints the largest difference of their outputs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks import published_code, published_field
from facewatch.errors import FlowFailed
from facewatch.restoration.networks import loader, pulse
from facewatch.restoration.networks.state_dict import read_state_dict

TOLERANCE = 1e-4
"""The largest difference allowed, on a range of 2."""


@dataclass(frozen=True)
class Comparison:
    """One network, its published code, and the inputs of the comparison."""

    write: Callable[[Path], Path]  # its checkpoint
    theirs: Callable[[Path, Path], Callable[[torch.Tensor, float], torch.Tensor]]  # of code and checkpoint
    commit: str  # of the published code, with which the comparison was made
    weights: tuple[float, ...] = (0.0,)
    second: Callable[[Path], Path] | None = None  # its second file
    second_suffix: str = ""
    ours: Callable[[Path, Path | None], Callable[[torch.Tensor, float], torch.Tensor]] | None = (
        None  # if not loaded
    )
    dtype: torch.dtype = torch.float32  # of both networks


def _steps(count: int) -> Callable[[Path, Path | None], Callable[[torch.Tensor, float], torch.Tensor]]:
    """Return a loader of PULSE's search of a few steps, which gives the picture of each.

    It computes in torch's default type of numbers.
    """

    def load(checkpoint: Path, second: Path | None) -> Callable[[torch.Tensor, float], torch.Tensor]:
        assert second is not None
        state = {**read_state_dict(checkpoint, mapped=False), **pulse.read_latents(second)}
        kind = torch.get_default_dtype()
        search = pulse.build({key: tensor.to(kind) for key, tensor in state.items()}, "cpu", "float32")
        assert isinstance(search, pulse.Search)
        search.step_count = count

        def draw(faces: torch.Tensor, _weight: float) -> torch.Tensor:
            with torch.inference_mode(mode=False), torch.enable_grad():
                small = pulse.shrink((faces.clone() + 1) / 2, faces.shape[-1] // pulse.SMALL).clamp(0, 1)
                return torch.cat([picture for picture, _ in search.steps(small)])

        return draw

    return load


_VQFR_COMMIT = "239c77a78152473eca83270c40be083bb0ae0f4a"
_SMALL_VQFR = ((32, 32, 64), 64, 32)
_GPEN_COMMIT = "2c736702983368847fb544d234a22ac7cff25802"
_PULSE_COMMIT = "40cacb97df28081e0edf8440a8c3f7c4e6205732"
COMPARISONS: dict[str, Comparison] = {
    "restoreformer++": Comparison(
        published_field.restoreformer_plus_plus,
        published_code.load_restoreformer,
        "59d250f45d6b11a3e620d62e6e067ca1288f93a9",
    ),
    "vqfr-1-small": Comparison(
        lambda path: published_field.vqfr1(path, *_SMALL_VQFR),
        published_code.load_vqfr(1, *_SMALL_VQFR),
        _VQFR_COMMIT,
    ),
    "vqfr-2-small": Comparison(
        lambda path: published_field.vqfr2(path, *_SMALL_VQFR),
        published_code.load_vqfr(2, *_SMALL_VQFR),
        _VQFR_COMMIT,
        (0.0, 0.5, 1.0),
    ),
    "vqfr-1": Comparison(
        published_field.vqfr1,
        published_code.load_vqfr(1, (128, 128, 256, 256, 256, 512), 1024, 256),
        _VQFR_COMMIT,
    ),
    "vqfr-2": Comparison(
        published_field.vqfr2,
        published_code.load_vqfr(2, (64, 128, 128, 256, 256, 512), 1024, 256),
        _VQFR_COMMIT,
        (0.0, 0.5, 1.0),
    ),
    "dmdnet-small": Comparison(
        lambda path: published_field.dmdnet(path, 4),
        published_code.load_dmdnet,
        "37f2e0e54dff0cbc013b24c96574abe4dab9bfbc",
    ),
    "dmdnet": Comparison(
        published_field.dmdnet, published_code.load_dmdnet, "37f2e0e54dff0cbc013b24c96574abe4dab9bfbc"
    ),
    "dfdnet": Comparison(
        published_field.dfdnet,
        published_code.load_dfdnet,
        "df949706b7296e6af9aa8a07a2176dbd9d268022",
        second=published_field.dfdnet_dictionaries,
        second_suffix=".zip",
    ),
    "pulse-small": Comparison(
        lambda path: published_field.pulse(path, 64, 32),
        published_code.load_pulse(64, 32, 10),
        _PULSE_COMMIT,
        second=published_field.pulse_latents,
        second_suffix=".pt",
        ours=_steps(10),
        dtype=torch.float64,  # each step multiplies rounding by ten
    ),
    "pulse-128": Comparison(
        lambda path: published_field.pulse(path, 128, 8),
        published_code.load_pulse(128, 8, 10),
        _PULSE_COMMIT,
        second=published_field.pulse_latents,
        second_suffix=".pt",
        ours=_steps(10),
        dtype=torch.float64,
    ),
    "pulse": Comparison(
        published_field.pulse,
        published_code.load_pulse(1024, 512, 10),
        _PULSE_COMMIT,
        second=published_field.pulse_latents,
        second_suffix=".pt",
        ours=_steps(10),
        dtype=torch.float64,  # each step multiplies rounding by ten
    ),
    "gpen-64": Comparison(
        lambda path: published_field.gpen(path, 64, width=1 / 8),
        published_code.load_gpen(64, 1 / 8, 1),
        _GPEN_COMMIT,
    ),
    "gpen-256": Comparison(
        published_field.FORMS["gpen-256"], published_code.load_gpen(256, 0.5, 1), _GPEN_COMMIT
    ),
    "gpen-512": Comparison(
        published_field.FORMS["gpen-512"], published_code.load_gpen(512, 1, 2), _GPEN_COMMIT
    ),
    "gpen-1024": Comparison(
        published_field.FORMS["gpen-1024"], published_code.load_gpen(1024, 1, 2), _GPEN_COMMIT
    ),
    "gpen-2048": Comparison(
        published_field.FORMS["gpen-2048"], published_code.load_gpen(2048, 1, 2), _GPEN_COMMIT
    ),
}
"""By the model's name; `gpen-64` and those that end in -small are for a quick check."""


def compare(name: str, code: Path) -> float:
    """Return the largest difference between facewatch's and the published output of a random network.

    Raises FlowFailed when there is no such comparison, or the published output shows nothing.
    """
    if name not in COMPARISONS:
        raise FlowFailed(f"there is no comparison {name}; known: {', '.join(COMPARISONS)}")
    comparison, largest = COMPARISONS[name], 0.0
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = comparison.write(Path(folder, f"{name}{comparison_suffix(name)}"))
        second = comparison.second and comparison.second(Path(folder, f"second{comparison.second_suffix}"))
        network = loader.load(checkpoint, name, "cpu", second=second)
        faces = make_faces(network.crop_size).to(comparison.dtype)
        with _default_dtype(comparison.dtype):
            ours = comparison.ours(checkpoint, second) if comparison.ours else network.infer
            theirs = comparison.theirs(code, checkpoint)
            for weight in comparison.weights:
                with torch.inference_mode():
                    published, own = theirs(faces, weight), ours(faces, weight)
                if published.std() < 0.05:
                    raise FlowFailed(f"{name}: the published network's output is a plain colour")
                difference = (own - published).abs().max().item()
                print(f"{name}, weight {weight}: {difference:.1e}, deviation {published.std().item():.2f}")
                largest = max(largest, difference)
    return largest


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def comparison_suffix(name: str) -> str:
    """Return the suffix of a checkpoint's file."""
    return ".ckpt" if name.startswith("restoreformer") else ".pth"


def make_faces(side: int) -> torch.Tensor:
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
