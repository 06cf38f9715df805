"""A photo's way through the pipeline, and a row of the catalogue, for networks that have no small form."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from facewatch.errors import BadCheckpoint
from facewatch.models.catalogue import MODELS, Checkpoint, Licence, Model
from facewatch.models.files import ModelFiles
from facewatch.restoration.build import load_face_network
from facewatch.restoration.codecs.photo import Metadata, Photo
from facewatch.restoration.detection.yunet import YuNet
from facewatch.restoration.masks.oval import SoftMask
from facewatch.restoration.networks import loader
from facewatch.restoration.networks.forms import FORMS
from facewatch.restoration.options import RestorationOptions
from facewatch.restoration.pipeline import Pipeline

LICENCE = Licence("free", "https://example.org", "Free to use.")


def photo(side):
    """Return a noisy photo with coarse squares."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(0, 200, (8, 8, 3)).repeat(side // 8, 0).repeat(side // 8, 1)
    pixels = (coarse + rng.integers(0, 56, coarse.shape)).astype(np.uint8)
    return Photo(pixels, None, "RGB", "png", Metadata())


def restored_at_every_weight(network, side, monkeypatch):
    """Return the photo, and the restored photos of the weights 0, 0.5 and 1.

    side  pixels of the crops, fewer than the network's own, which would take many seconds
    """
    monkeypatch.setattr(network, "crop_size", side)
    original = photo(2 * side)
    pipeline = Pipeline(YuNet(), network, SoftMask())
    options = RestorationOptions(aligned=True, color_fix=False, identity="off")
    return original, [pipeline.restore(original, options, weight) for weight in (0.0, 0.5, 1.0)]


def check_every_weight(network, side, monkeypatch):
    """Assert that the weight leads from the restored face to the original."""
    original, restored = restored_at_every_weight(network, side, monkeypatch)
    distances = [np.abs(each.photo.pixels.astype(int) - original.pixels).mean() for each in restored]
    assert [each.faces[0].fate for each in restored] == ["restored", "restored", "kept"]
    assert restored[2].faces[0].reason == "weight 1 keeps the original"
    assert distances[0] > distances[1] > distances[2] == 0


def load_by_a_row(form, file, folder):
    """Return a network loaded by nothing but one more row of the catalogue."""
    checkpoint = Checkpoint(f"later{file.suffix}", "", None, None, LICENCE, page="https://example.org/later")
    row = Model("later", "face", "a test", checkpoint, network=form)
    files = ModelFiles(folder, rows=(*MODELS, row))
    files.add("later", file)
    return load_face_network(files.find("later"), "later", "cpu", row.network, row.crop_size)


def check_others_are_refused(name, file, tmp_path):
    """Assert that a row of the form `name` takes no other network, and that its file fits no other row."""
    torch.save({"layer.weight": torch.zeros(3, 3)}, tmp_path / "other.pth")
    title = FORMS[name].title
    with pytest.raises(BadCheckpoint, match=re.escape(f"has other layers; {title} was expected")):
        loader.load(tmp_path / "other.pth", "mine", "cpu", network=name)
    with pytest.raises(BadCheckpoint, match=re.escape(f"looks like {title}; GPEN was expected")):
        loader.load(file, "mine", "cpu", network="gpen")
