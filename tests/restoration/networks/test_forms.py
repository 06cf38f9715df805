"""Networks that facewatch knows without spandrel: strict loading, sizes, weight, batches and precision."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from facewatch.errors import BadCheckpoint
from facewatch.models.catalogue import MODELS, Checkpoint, Licence, Model
from facewatch.models.files import ModelFiles
from facewatch.restoration.build import build_pipeline
from facewatch.restoration.codecs.photo import Metadata, Photo
from facewatch.restoration.networks import loader
from facewatch.restoration.networks.forms import FORMS
from facewatch.restoration.networks.state_dict import read_state_dict
from facewatch.restoration.options import RestorationOptions, Setup
from tests import published


def small_gpen(path: Path) -> Path:
    return published.gpen(path, 64, width=1 / 8)


CHANNELS, CODES, WIDTH = (32, 32, 64), 64, 32


def small_vqfr1(path: Path) -> Path:
    return published.vqfr1(path, CHANNELS, CODES, WIDTH)


def small_vqfr2(path: Path) -> Path:
    return published.vqfr2(path, CHANNELS, CODES, WIDTH)


def small_dfdnet(path: Path) -> Path:
    return published.dfdnet(path, 4)


def small_dictionaries(path: Path) -> Path:
    return published.dfdnet_dictionaries(path, 3, 4)


SMALL = {
    "dfdnet": (small_dfdnet, "d.pth"),
    "gpen": (small_gpen, "a.pth"),
    "vqfr-1": (small_vqfr1, "b.pth"),
    "vqfr-2": (small_vqfr2, "c.pth"),
}
SECOND = {"dfdnet": (small_dictionaries, "dictionaries.zip")}
LARGE = {"builtin", "dmdnet", "pulse", "restoreformer++"}  # tested in files of their own


@pytest.fixture(scope="module", params=sorted(SMALL))
def form(request):
    return request.param


@pytest.fixture(scope="module")
def file(form, tmp_path_factory):
    write, name = SMALL[form]
    return write(tmp_path_factory.mktemp(form) / name)


@pytest.fixture(scope="module")
def second(form, tmp_path_factory):
    if form not in SECOND:
        return None
    write, name = SECOND[form]
    return write(tmp_path_factory.mktemp(form) / name)


@pytest.fixture(scope="module")
def network(file, second):
    return loader.load(file, "mine", "cpu", second=second)


def crops(network, count):
    """Return noisy pictures with coarse squares, of the network's size."""
    rng = np.random.default_rng(7)
    side = network.crop_size
    coarse = rng.integers(0, 200, (count, 8, 8, 3)).repeat(side // 8, 1).repeat(side // 8, 2)
    return list((coarse + rng.integers(0, 56, coarse.shape)).astype(np.uint8))


def test_every_form_is_tried_here_or_in_a_file_of_its_own():
    assert {*SMALL, *LARGE} == set(FORMS)


def test_the_weight_goes_to_the_network_or_blends_the_original_in(network, form):
    (crop,) = crops(network, 1)
    strong, half, faithful = (network.restore([crop], weight)[0].astype(int) for weight in (0.0, 0.5, 1.0))
    assert np.abs(strong - crop).mean() > 5
    if FORMS[form].takes_weight:  # what it does with it is compared with the published code
        assert np.abs(half - strong).mean() > 1
        assert np.abs(faithful - half).mean() > 1
    else:
        assert (faithful == crop).all()
        assert np.abs(half - (strong + crop) / 2).max() <= 1


def test_a_batch_gives_what_each_face_gives_alone(network):
    three = crops(network, 3)
    network.batch = 3
    together = network.restore(three, 0.0)
    alone = [network.restore([crop], 0.0)[0] for crop in three]
    for one, other in zip(together, alone, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1
    assert np.abs(together[0].astype(int) - together[1]).max() > 10


def test_bfloat16_stays_near_float32(network, file, second):
    seeded = torch.Generator().manual_seed(4)
    faces = torch.rand(1, 3, network.crop_size, network.crop_size, generator=seeded) * 2 - 1
    exact = network.infer(faces, 0.0)
    short = loader.load(file, "mine", "cpu", "bfloat16", second=second).infer(faces, 0.0)
    psnr = 10 * math.log10(4 / (exact - short).square().mean().item())
    print(f"{psnr:.1f} dB")
    assert short.dtype == torch.float32
    assert psnr > 40


@pytest.mark.parametrize("harm", ["missing", "does not belong", "expected"])
def test_a_file_that_almost_fits_is_refused_by_name(form, file, tmp_path, harm):
    state = read_state_dict(file)
    key = max(key for key in state if key.endswith("bias"))
    if harm == "missing":
        del state[key]
    else:
        state["further.weight" if harm == "does not belong" else key] = torch.zeros(3, 5)
    torch.save(state, tmp_path / "mine.pth")
    with pytest.raises(BadCheckpoint, match=rf"looks like .* but does not fit it \(.*{harm}"):
        loader.load(tmp_path / "mine.pth", "mine", "cpu", alone=True)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_file_of_half_precision_is_computed_in_the_precision_chosen(
    form, file, second, tmp_path, kind, precision
):
    state = {
        key: tensor.to(kind).clone() if tensor.is_floating_point() else tensor
        for key, tensor in read_state_dict(file).items()
    }
    save_file(state, tmp_path / "half.safetensors")
    torch.save({key: tensor.to(torch.float32) for key, tensor in state.items()}, tmp_path / "whole.pth")
    half, whole = (
        loader.load(tmp_path / name, "mine", "cpu", precision, network=form, second=second)
        for name in ("half.safetensors", "whole.pth")
    )
    (crop,) = crops(half, 1)
    np.testing.assert_array_equal(half.restore([crop], 0.0)[0], whole.restore([crop], 0.0)[0])


def test_a_file_of_whole_numbers_is_refused(form, file, tmp_path):
    state = {key: tensor.to(torch.int8) for key, tensor in read_state_dict(file).items()}
    torch.save(state, tmp_path / "small.pth")
    with pytest.raises(BadCheckpoint, match="whole numbers, as quantised networks do"):
        loader.load(tmp_path / "small.pth", "mine", "cpu", network=form)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_numbers_that_are_none_are_refused_with_their_key(form, file, tmp_path, number):
    state = read_state_dict(file)
    key = max(key for key in state if key.endswith("weight"))
    state[key] = state[key].clone()
    state[key].view(-1)[-1] = number
    torch.save(state, tmp_path / "mine.pth")
    with pytest.raises(BadCheckpoint, match=rf"does not fit it \({key} holds NaN or infinite numbers"):
        loader.load(tmp_path / "mine.pth", "mine", "cpu", alone=True)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_a_file_that_is_cut_off_is_refused(form, file, tmp_path, share):
    data = file.read_bytes()
    (tmp_path / "mine.pth").write_bytes(data[: int(share * len(data))])
    with pytest.raises(BadCheckpoint, match="The model file is incomplete"):
        loader.load(tmp_path / "mine.pth", "mine", "cpu", network=form)


def test_a_file_of_another_form_is_refused_by_name(file, form, tmp_path):
    torch.save({"layer.weight": torch.zeros(3, 3)}, tmp_path / "other.pth")
    with pytest.raises(BadCheckpoint, match=f"has other layers; {FORMS[form].title} was expected"):
        loader.load(tmp_path / "other.pth", "mine", "cpu", network=form)
    with pytest.raises(BadCheckpoint, match=f"looks like {FORMS[form].title}; the built-in network was"):
        loader.load(file, "mine", "cpu", network="builtin")


def test_a_file_for_faces_of_another_size_is_refused(file, form):
    with pytest.raises(BadCheckpoint, match=r"for faces of \d+ pixels; one for 4096 was expected"):
        loader.load(file, "mine", "cpu", network=form, crop_size=4096)


def test_a_file_that_would_run_code_is_refused(file, tmp_path):
    class Harm:
        def __reduce__(self):
            return (print, ("harm",))

    torch.save({**read_state_dict(file), "harm": Harm()}, tmp_path / "mine.pth")
    with pytest.raises(BadCheckpoint, match=r"would run code when loaded: it asks for .*print"):
        loader.load(tmp_path / "mine.pth", "mine", "cpu")


def test_loading_empties_the_state_dict(form, file):
    state = read_state_dict(file)
    if FORMS[form].second is not None:
        state.update(FORMS[form].second.sample(state))
    FORMS[form].build(state, "cpu", "float32")
    assert not state


def test_one_more_network_of_a_known_form_takes_one_row(form, file, second, network, tmp_path):
    licence = Licence("free", "https://example.org", "Free to use.")
    checkpoint = Checkpoint("later.pth", "", None, None, licence, page="https://example.org/later")
    row = Model("later", "face", "a test", checkpoint, network=form, crop_size=network.crop_size)
    files = ModelFiles(tmp_path, rows=(*MODELS, row))
    files.add("later", file)
    wanted = {"network": row.network, "crop_size": row.crop_size}
    loaded = loader.load(files.find("later"), "later", "cpu", **wanted, second=second)
    (crop,) = crops(network, 1)
    np.testing.assert_array_equal(loaded.restore([crop], 0.0)[0], network.restore([crop], 0.0)[0])


def test_every_row_names_a_form_and_a_size():
    rows = [row for row in MODELS if row.kind == "face" and row.network]
    assert {row.network for row in rows} <= {*FORMS, "onnx"}
    assert {row.crop_size for row in rows} <= {256, 512, 1024, 2048}


def setup(form, file, crop_size, second=None):
    """Return what the worker sends to the engine for a model of this form."""
    return Setup(
        "later",
        "yunet",
        "yunet",
        None,
        None,
        "cpu",
        None,
        0.9,
        files={"later": str(file), "further": str(second)},
        precision="float32",
        forms={"later": (form, crop_size)},
        second_files={"later": "further"} if second else {},
    )


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_a_photo_goes_through_the_whole_pipeline(form, file, second, network, weight):
    pipeline = build_pipeline(setup(form, file, network.crop_size, second), "cpu")
    (pixels,) = crops(network, 1)
    photo = Photo(pixels.repeat(4, 0).repeat(4, 1), None, "RGB", "png", Metadata())
    restored = pipeline.restore(photo, RestorationOptions(aligned=True, identity="off"), weight)
    (face,) = restored.faces
    assert restored.photo.pixels.shape == photo.pixels.shape
    if weight == 1 and not FORMS[form].takes_weight:
        assert (face.fate, face.reason) == ("kept", "weight 1 keeps the original")
    else:
        assert (face.fate, face.weight) == ("restored", weight)
        assert (restored.photo.pixels != photo.pixels).any()


def test_the_engine_refuses_a_file_that_is_not_the_rows(form, file):
    with pytest.raises(BadCheckpoint, match="one for 4096 was expected"):
        build_pipeline(setup(form, file, 4096), "cpu")


def test_a_form_with_a_second_file_says_that_it_is_missing(form, file):
    if FORMS[form].second is None:
        pytest.skip("it has one file")
    with pytest.raises(BadCheckpoint, match=rf"works with its {FORMS[form].second.title} only"):
        loader.load(file, "mine", "cpu")
