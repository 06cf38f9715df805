"""Comparison of the networks with those of their packages, on the same checkpoints."""

from __future__ import annotations

import importlib
import sys
import types
import warnings

import numpy as np
import pytest
import torch
from spandrel import ModelLoader

from facewatch.restoration.networks import loader

pytestmark = pytest.mark.network_files

TOLERANCE = 1e-4  # on [-1, 1]


def crop():
    """Return a picture with edges, gradients and different noise in each channel."""
    rng = np.random.default_rng(11)
    coarse = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8).repeat(16, 0).repeat(16, 1)
    return (coarse // 2 + rng.integers(0, 128, coarse.shape)).astype(np.uint8)


def as_reference_input(picture):
    """Convert as the packages' scripts do: float32, [-1, 1], NCHW, RGB."""
    return (torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1).unsqueeze(0) - 0.5) / 0.5


@pytest.fixture
def reference(monkeypatch):
    """Return a function that imports a module of gfpgan, despite a module that torchvision removed."""
    if sys.version_info >= (3, 13):
        pytest.skip("the extra `reference` does not install on Python 3.13 and later")
    stub = types.ModuleType("torchvision.transforms.functional_tensor")
    stub.rgb_to_grayscale = importlib.import_module("torchvision.transforms.functional").rgb_to_grayscale
    monkeypatch.setitem(sys.modules, stub.__name__, stub)

    def load(module):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pytest.importorskip(module, reason="the extra `reference` is not installed")

    return load


def published(checkpoint, model, key):
    """Load a checkpoint as the packages' scripts do."""
    model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)[key], strict=True)
    return model.eval()


def assert_equal(ours, theirs, what):
    difference = (ours - theirs).abs().max().item()
    print(f"{what}: max difference {difference:.1e}, output std {theirs.std().item():.2f}")
    assert theirs.std() > 0.1
    assert difference <= TOLERANCE


def test_gfpgan_equals_the_packages_network(gfpgan_file, reference):
    arch = reference("gfpgan.archs.gfpganv1_clean_arch")
    theirs = arch.GFPGANv1Clean(
        out_size=512,
        num_style_feat=512,
        channel_multiplier=2,
        decoder_load_path=None,
        fix_decoder=False,
        num_mlp=8,
        input_is_latent=True,
        different_w=True,
        narrow=1,
        sft_half=True,
    )
    published(gfpgan_file, theirs, "params_ema")
    ours = loader.load(gfpgan_file, "gfpgan-1.4", "cpu")
    with torch.inference_mode():
        expected = theirs(as_reference_input(crop()), return_rgb=False, randomize_noise=False)[0]
    assert_equal(ours.forward([crop()], 0.0), expected, "GFPGAN")


def test_restoreformer_equals_the_packages_network(restoreformer_file, reference):
    arch = reference("gfpgan.archs.restoreformer_arch")
    theirs = published(restoreformer_file, arch.RestoreFormer(), "params")
    ours = loader.load(restoreformer_file, "restoreformer", "cpu")
    with torch.inference_mode():
        expected = theirs(as_reference_input(crop()))[0]
    assert_equal(ours.forward([crop()], 0.0), expected, "RestoreFormer")


def test_codeformer_equals_its_network_at_every_weight(codeformer_file):
    """Compare with spandrel's module, since neither gfpgan nor basicsr has one.

    Both with channels last: the layout alone changes the published module by 3.8e-4 at weight 1, where its
    random fusions amplify rounding. Its error against float64 is 1.5e-5 with channels first, 3.8e-4 last.
    """
    *_, extra = loader._known_architectures()
    theirs = ModelLoader(registry=extra).load_from_file(codeformer_file).eval().model
    theirs = theirs.to(memory_format=torch.channels_last)
    ours = loader.load(codeformer_file, "codeformer", "cpu")
    shown = as_reference_input(crop()).to(memory_format=torch.channels_last)
    outputs = []
    for weight in (0.0, 0.5, 1.0):
        with torch.inference_mode():
            expected = theirs(shown, weight=weight, adain=True)[0]
        outputs.append(ours.forward([crop()], weight))
        assert_equal(outputs[-1], expected, f"CodeFormer at {weight}")
    assert (outputs[0] - outputs[1]).abs().max() > 0.1
    assert (outputs[1] - outputs[2]).abs().max() > 0.1
