"""Loaders of the code that the projects of face networks published, from clones of their repositories."""

from __future__ import annotations

import contextlib
import importlib
import logging
import shutil
import sys
import types
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from facewatch.restoration.networks import dfdnet, dmdnet, pulse


def load_gpen(size: int, narrow: float, multiplier: int) -> Callable[[Path, Path], Any]:
    def load(code: Path, checkpoint: Path) -> Callable[[torch.Tensor, float], torch.Tensor]:
        (module,) = _modules(code / "face_model", "gpen_model")
        network = module.FullGenerator(size, 512, 8, multiplier, narrow=narrow).eval()
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
        return lambda x, _weight: network(x)[0]

    return load


def load_restoreformer(code: Path, checkpoint: Path) -> Callable[[torch.Tensor, float], torch.Tensor]:
    (module,) = _modules(code / "RestoreFormer" / "modules" / "vqvae", "vqvae_arch")
    network = module.VQVAEGANMultiHeadTransformer(head_size=4, ex_multi_scale_num=1).eval()
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    network.load_state_dict({key.removeprefix("vqvae."): tensor for key, tensor in state.items()})
    return lambda x, _weight: network(x)[0]


def load_vqfr(version: int, channels: Sequence[int], codes: int, width: int) -> Callable[[Path, Path], Any]:
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


def load_dmdnet(code: Path, checkpoint: Path) -> Callable[[torch.Tensor, float], torch.Tensor]:
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


def load_dfdnet(code: Path, checkpoint: Path) -> Callable[[torch.Tensor, float], torch.Tensor]:
    """Load DFDNet; the published code is given the boxes of the parts that facewatch takes."""
    for name in ("scipy", "scipy.io", "scipy.ndimage", "util", "util.util", "sync_batchnorm"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["util"].__dict__["util"] = None
    sys.modules["sync_batchnorm"].__dict__["convert_model"] = None
    (module,) = _modules(code / "models", "networks")
    state = torch.load(checkpoint, weights_only=True)
    folder = checkpoint.parent
    with zipfile.ZipFile(folder / "second.zip") as archive:
        archive.extractall(folder)
    vgg = folder / "vgg19.pth"  # of no effect: the checkpoint has these layers as well
    prefix = "VggExtract.model."
    torch.save({key.removeprefix(prefix): state[key] for key in state if key.startswith(prefix)}, vgg)
    module.VGGFeat.__init__.__defaults__ = (str(vgg),)
    network = module.UNetDictFace(64, str(folder / "DictionaryCenter512")).eval()
    network.load_state_dict(state, strict=True)
    boxes = [torch.tensor([dfdnet.PARTS[part]]) for part in ("left_eye", "right_eye", "nose", "mouth")]
    return lambda x, _weight: network(x, boxes)


def load_pulse(size: int, most: int, steps: int) -> Callable[[Path, Path], Any]:
    """Load PULSE's search for the graphics card, made to run at any size without one, in float64."""

    def load(code: Path, checkpoint: Path) -> Callable[[torch.Tensor, float], torch.Tensor]:
        layers = 2 * size.bit_length() - 4
        changes = {
            "device='cuda'": "device='cpu'",
            ".cuda()": "",
            "cuda=True": "cuda=False",
            "18": str(layers),
            "1024": str(size),
            "torch.float32": "torch.float64",
            "torch.float,": "torch.float64,",
            "FloatTensor": "DoubleTensor",
        }
        modules = {
            name: types.ModuleType(name)
            for name in ("bicubic", "loss", "SphericalOptimizer", "stylegan", "PULSE")
        }
        sys.modules["drive"] = types.ModuleType("drive")
        sys.modules["drive"].__dict__["open_url"] = lambda *_, **__: checkpoint.open("rb")
        for name, module in modules.items():
            source = (code / f"{name}.py").read_text()
            for old, new in changes.items():
                source = source.replace(old, new)
            sys.modules[name] = module
            exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102 - the code to compare with
        stylegan = modules["stylegan"].__dict__["G_synthesis"]
        modules["PULSE"].__dict__["G_synthesis"] = lambda: stylegan(resolution=size, fmap_max=most)
        folder = checkpoint.parent
        shutil.copy(folder / "second.pt", folder / "gaussian_fit.pt")
        with contextlib.chdir(folder):
            network = modules["PULSE"].__dict__["PULSE"](folder, verbose=False)
        drawn: list[torch.Tensor] = []
        network.synthesis.register_forward_hook(lambda *given: drawn.append(given[2].detach()))
        options = {
            "loss_str": "100*L2+0.05*GEOCROSS",
            "eps": 2e-3,
            "noise_type": "trainable",
            "num_trainable_noise_layers": 5,
            "tile_latent": False,
            "bad_noise_layers": str(layers - 1),
            "opt_name": "adam",
            "learning_rate": 0.4,
            "lr_schedule": "linear1cycledrop",
            "save_intermediate": False,
        }

        def search(faces: torch.Tensor, _weight: float) -> torch.Tensor:
            drawn.clear()
            with torch.inference_mode(mode=False), torch.enable_grad():
                shrink = modules["bicubic"].__dict__["BicubicDownSample"](size // pulse.SMALL)
                small = shrink((faces.clone() + 1) / 2).clamp(0, 1)
                list(network(small, seed=pulse.SEED, steps=steps, **options))
            return torch.cat(drawn)

        return search

    return load


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


def _modules(folder: Path, *names: str) -> list[Any]:
    """Import modules of the published code."""
    sys.path.insert(0, str(folder))
    return [importlib.import_module(name) for name in names]
