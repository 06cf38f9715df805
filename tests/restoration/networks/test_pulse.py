"""PULSE: its search, its steps and their end, the weight, and the guard over its faces."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facewatch.errors import BadCheckpoint, NetworkFailed
from facewatch.models.catalogue import MODELS
from facewatch.models.files import ModelFiles
from facewatch.restoration.build import build_pipeline
from facewatch.restoration.codecs.photo import Metadata, Photo
from facewatch.restoration.face_reports import NOT_FOUND
from facewatch.restoration.networks import loader, pulse
from facewatch.restoration.networks.forms import FORMS
from facewatch.restoration.networks.state_dict import read_state_dict
from facewatch.restoration.options import OTHER_PERSON, RestorationOptions, Setup
from tests import published

STEPS = 3


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return published.pulse(tmp_path_factory.mktemp("pulse") / "a.pt", 64, 16)


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    return published.pulse_latents(tmp_path_factory.mktemp("pulse") / "gaussian_fit.pt")


@pytest.fixture
def near(monkeypatch):
    """Let every face count as found, after a few steps."""
    monkeypatch.setattr(pulse, "_NEAR", 1.0)


@pytest.fixture
def network(file, second, monkeypatch):
    monkeypatch.setattr(pulse, "STEPS", STEPS)
    return loader.load(file, "pulse", "cpu", network="pulse", crop_size=64, second=second)


@pytest.fixture(scope="module")
def crop():
    coarse = np.random.default_rng(2).integers(0, 256, (8, 8, 3))
    return coarse.repeat(8, 0).repeat(8, 1).astype(np.uint8)


@pytest.mark.usefixtures("near")
def test_the_weight_lays_the_original_over_the_face_that_was_found(network, crop):
    strong, half, faithful = (network.restore([crop], weight)[0].astype(int) for weight in (0.0, 0.5, 1.0))
    assert np.abs(strong - crop).mean() > 20
    assert (faithful == crop).all()
    assert np.abs(half - (strong + crop) / 2).max() <= 1


@pytest.mark.usefixtures("near")
def test_a_photo_gives_the_same_face_every_time(network, file, second, crop):
    again = loader.load(file, "pulse", "cpu", second=second)
    np.testing.assert_array_equal(network.restore([crop], 0.0)[0], again.restore([crop], 0.0)[0])


def test_a_face_that_is_not_found_stays_as_it_is(network, crop):
    np.testing.assert_array_equal(network.restore([crop], 0.0)[0], crop)


def test_a_search_that_loses_its_numbers_fails_and_is_no_face_that_was_not_found(file, second, crop):
    state = {**read_state_dict(file, mapped=False), **pulse.read_latents(second)}
    state["latents.mean"] = torch.full_like(state["latents.mean"], torch.nan)
    network = loader.TorchNetwork(
        "pulse", pulse.build(state, "cpu", "float32"), "cpu", takes_weight=False, crop_size=64
    )
    with pytest.raises(NetworkFailed, match="NaN or infinite"):
        network.restore([crop], 0.0)


def test_steps_are_reported_and_another_weight_searches_no_more(network, crop):
    seen = []
    network.on_step = lambda done, total: seen.append((done, total))
    network.restore([crop], 0.0)
    assert seen == [(done, STEPS) for done in range(STEPS + 1)]
    network.restore([crop], 0.5)
    assert len(seen) == STEPS + 1


def test_the_search_ends_between_two_steps_when_asked(network, crop):
    def stop(done, _total):
        seen.append(done)
        if done == 1:
            raise KeyboardInterrupt

    seen = []
    network.on_step = stop
    with pytest.raises(KeyboardInterrupt):
        network.restore([crop], 0.0)
    assert seen == [0, 1]


def test_the_search_comes_nearer(file, second):
    state = {**read_state_dict(file, mapped=False), **pulse.read_latents(second)}
    search = pulse.build(state, "cpu", "float32")
    search.step_count = 25
    reference = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    differences = [difference for _, difference in search.steps(reference)]
    assert min(differences[-5:]) < 0.9 * differences[0]


@pytest.mark.parametrize("harm", ["missing", "does not belong", "expected"])
def test_a_file_that_almost_fits_is_refused_by_name(file, tmp_path, harm):
    state = read_state_dict(file)
    key = "blocks.8x8.epi2.noise.weight"
    if harm == "missing":
        del state[key]
    else:
        state["further" if harm == "does not belong" else key] = torch.zeros(3)
    torch.save(state, tmp_path / "mine.pt")
    with pytest.raises(BadCheckpoint, match=rf"looks like PULSE but does not fit it \(.*{harm}"):
        loader.load(tmp_path / "mine.pt", "mine", "cpu", alone=True)


def test_the_second_file_is_checked_by_its_form(file, second, tmp_path):
    with pytest.raises(BadCheckpoint, match="works with its statistics of styles only"):
        loader.load(file, "mine", "cpu")
    with pytest.raises(BadCheckpoint, match="does not hold the mean and the deviation"):
        pulse.read_latents(file)
    added = ModelFiles(tmp_path).add("pulse-styles", second, trust=True)
    assert set(pulse.read_latents(added)) == {"latents.mean", "latents.std"}


def test_rows_and_forms_agree_on_who_makes_up_people():
    rows = {row.name for row in MODELS if row.makes_up_people}
    assert rows == {"pulse"}
    assert {row.name for row in MODELS if row.kind == "face" and _makes_up_people(row.network)} == rows


def _makes_up_people(network):
    return network in FORMS and FORMS[network].makes_up_people


@pytest.mark.parametrize("found", [True, False])
def test_without_a_comparison_the_engine_shows_none_of_its_faces(file, second, crop, monkeypatch, found):
    monkeypatch.setattr(pulse, "STEPS", 1)
    if found:
        monkeypatch.setattr(pulse, "_NEAR", 1.0)
    setup = Setup(
        "pulse",
        "yunet",
        "yunet",
        None,
        None,
        "cpu",
        None,
        0.9,
        files={"pulse": str(file), "pulse-styles": str(second)},
        precision="float32",
        forms={"pulse": ("pulse", 64)},
        second_files={"pulse": "pulse-styles"},
    )
    photo = Photo(crop.repeat(4, 0).repeat(4, 1), None, "RGB", "png", Metadata())
    options = RestorationOptions(aligned=True, identity="off")
    restored = build_pipeline(setup, "cpu").restore(photo, options, 0.0)
    assert (restored.faces[0].fate, restored.faces[0].reason) == (
        "kept",
        OTHER_PERSON if found else NOT_FOUND,  # random weights draw no face
    )
    assert (restored.photo.pixels == photo.pixels).all()
