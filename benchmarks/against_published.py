"""Comparison of the further face networks with the code that their projects published.

    python -m benchmarks.against_published NAME CODE

writes a random checkpoint of the published form, loads it strictly with the project's own code in the folder
CODE (a clone of its repository) and with facewatch, and prints the largest difference of their outputs.
"""

from __future__ import annotations

import importlib
import logging
import sys
import tempfile
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks import published_field
from facewatch.errors import FlowFailed
from facewatch.restoration.networks import dmdnet, loader

TOLERANCE = 1e-4
"""The largest difference allowed, on a range of 2."""


@dataclass(frozen=True)
class Comparison:
    """One network, its published code, and the inputs of the comparison."""

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


def _vqfr(version: int, channels: Sequence[int], codes: int, width: int) -> Callable[[Path, Path], Any]:
    base, levels = channels[0], len(channels)
    multipliers = [count // base for count in channels]

    def load(code: Path, checkpoint: Path) -> Callable[[torch.Tensor, float], torch.Tensor]:
        _stub_vqfr(code)
        module = importlib.import_module(f"vqfr.archs.vqfrv{version}_arch")
        names = [f"Level_{2**level}" for level in range(levels)]
        if version == 1:
            network = module.VQFRv1(
                base_channels=base,
                proj_patch_size=2 ** (levels - 1),
                resolution_scale_rates=[1, *[2] * (levels - 1)],
                channel_multipliers=multipliers,
                encoder_num_blocks=2,
                decoder_num_blocks=3,
                quant_level=names[-1:],
                inpfeat_extraction_opt={"in_dim": 3, "out_dim": 32},
                align_from_patch=2 ** (levels - 1),
                align_opt={
                    name: {"cond_channels": 32, "cond_downscale_rate": 2**level, "deformable_groups": 4}
                    for level, name in enumerate(names)
                },
                quantizer_opt={
                    names[-1]: {
                        "type": "L2VectorQuantizerKmeans",
                        "in_dim": channels[-1],
                        "num_code": codes,
                        "code_dim": width,
                        "reservoir_size": 16384,
                        "reestimate_iters": 2000,
                        "reestimate_maxiters": -1,
                        "warmup_iters": -1,
                    }
                },
            )
        else:
            network = module.VQFRv2(
                base_channels=base,
                channel_multipliers=multipliers,
                num_enc_blocks=2,
                use_enc_attention=True,
                num_dec_blocks=2,
                use_dec_attention=True,
                code_dim=width,
                inpfeat_dim=32,
                align_opt={"cond_channels": 32, "deformable_groups": 4},
                code_selection_mode="Predict",
                quantizer_opt={
                    "type": "L2VectorQuantizer",
                    "num_code": codes,
                    "code_dim": width,
                    "spatial_size": [16, 16],
                },
            )
        network.load_state_dict(torch.load(checkpoint, weights_only=True)["params_ema"], strict=True)
        network.eval()
        return lambda x, weight: network(x, fidelity_ratio=weight)["main_dec"]

    return load


def _dmdnet(code: Path, checkpoint: Path) -> Callable[[torch.Tensor, float], torch.Tensor]:
    """Load DMDNet; the published code is given the boxes of the parts that facewatch takes."""
    for name in ("scipy", "scipy.io", "scipy.ndimage"):  # imported, never used
        sys.modules.setdefault(name, types.ModuleType(name))
    (module,) = _modules(code / "models", "DMDNet")
    network = module.DMDNet().eval()
    state = torch.load(checkpoint, weights_only=True)
    for name in list(dict(network.named_buffers())):
        if "_mem_" in name:  # a small file has fewer entries than the code's own
            network.register_buffer(name, torch.empty_like(state[name]))
    network.load_state_dict(state, strict=True)
    eyes_and_mouth = [
        dmdnet.PARTS[part] for part in ("LE", "RE", "LE", "MO")
    ]  # the third, the nose, is unused
    boxes = torch.tensor([eyes_and_mouth], dtype=torch.float32)
    return lambda x, _weight: network(x, boxes.expand(len(x), -1, -1))[0]


def _stub_vqfr(code: Path) -> None:
    """Replace what VQFR's modules import for training, and its extension in C++, by empty modules."""

    class Registry(dict[str, Any]):
        def register(self) -> Callable[[Any], Any]:
            return lambda kind: self.setdefault(kind.__name__, kind)

    def keep(value: Any, *_: Any, **__: Any) -> Any:
        return value

    folders = {
        "vqfr": "vqfr",
        "vqfr.archs": "vqfr/archs",
        "vqfr.ops": "vqfr/ops",
        "vqfr.ops.dcn": "vqfr/ops/dcn",
    }
    contents: dict[str, dict[str, Any]] = {
        **{name: {"__path__": [str(code / folder)]} for name, folder in folders.items()},
        "vqfr.utils": {"all_gather": keep, "get_root_logger": logging.getLogger},
        "vqfr.utils.registry": {"ARCH_REGISTRY": Registry(), "QUANTIZER_REGISTRY": Registry()},
        "vqfr.ops.dcn.deform_conv_ext": {},
        "sklearn": {"cluster": None},
        "timm": {},
        "timm.models": {},
        "timm.models.layers": {"trunc_normal_": keep},
    }
    for name, content in contents.items():
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update(content)
    real = importlib.import_module("vqfr.ops.dcn.deform_conv")
    sys.modules["vqfr.ops.dcn"].__dict__.update(real.__dict__)


_VQFR_COMMIT = "239c77a78152473eca83270c40be083bb0ae0f4a"
_SMALL_VQFR = ((32, 32, 64), 64, 32)
_GPEN_COMMIT = "2c736702983368847fb544d234a22ac7cff25802"
COMPARISONS: dict[str, Comparison] = {
    "restoreformer++": Comparison(
        published_field.restoreformer_plus_plus,
        _restoreformer,
        "59d250f45d6b11a3e620d62e6e067ca1288f93a9",
    ),
    "vqfr-1-small": Comparison(
        lambda path: published_field.vqfr1(path, *_SMALL_VQFR), _vqfr(1, *_SMALL_VQFR), _VQFR_COMMIT
    ),
    "vqfr-2-small": Comparison(
        lambda path: published_field.vqfr2(path, *_SMALL_VQFR),
        _vqfr(2, *_SMALL_VQFR),
        _VQFR_COMMIT,
        (0.0, 0.5, 1.0),
    ),
    "vqfr-1": Comparison(
        published_field.vqfr1, _vqfr(1, (128, 128, 256, 256, 256, 512), 1024, 256), _VQFR_COMMIT
    ),
    "vqfr-2": Comparison(
        published_field.vqfr2,
        _vqfr(2, (64, 128, 128, 256, 256, 512), 1024, 256),
        _VQFR_COMMIT,
        (0.0, 0.5, 1.0),
    ),
    "dmdnet-small": Comparison(
        lambda path: published_field.dmdnet(path, 4), _dmdnet, "37f2e0e54dff0cbc013b24c96574abe4dab9bfbc"
    ),
    "dmdnet": Comparison(published_field.dmdnet, _dmdnet, "37f2e0e54dff0cbc013b24c96574abe4dab9bfbc"),
    "gpen-64": Comparison(
        lambda path: published_field.gpen(path, 64, width=1 / 8), _gpen(64, 1 / 8, 1), _GPEN_COMMIT
    ),
    "gpen-256": Comparison(published_field.FORMS["gpen-256"], _gpen(256, 0.5, 1), _GPEN_COMMIT),
    "gpen-512": Comparison(published_field.FORMS["gpen-512"], _gpen(512, 1, 2), _GPEN_COMMIT),
    "gpen-1024": Comparison(published_field.FORMS["gpen-1024"], _gpen(1024, 1, 2), _GPEN_COMMIT),
    "gpen-2048": Comparison(published_field.FORMS["gpen-2048"], _gpen(2048, 1, 2), _GPEN_COMMIT),
}
"""By the model's name; `gpen-64` and those that end in -small are for a quick check."""


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
