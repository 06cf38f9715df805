"""DFDNet: its second file, the boxes of the parts, and the model files that users add."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from facewatch.errors import BadCheckpoint
from facewatch.models.files import ModelFiles
from facewatch.restoration.alignment import TEMPLATE
from facewatch.restoration.networks import dfdnet, dfdnet_dictionaries
from tests import published


@pytest.fixture(scope="module")
def dictionaries(tmp_path_factory):
    return published.dfdnet_dictionaries(tmp_path_factory.mktemp("dfdnet") / "all.zip", 2, 4)


def changed(source, target, name, data):
    """Write a copy of the zip with one entry replaced, or left out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.namelist():
            content = data if entry.endswith(name) else old.read(entry)
            if content is not None:
                new.writestr(entry, content)
    return target


def array_bytes(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    return (tmp_path / "a.npy").read_bytes()


def test_every_dictionary_is_read_with_its_shape(dictionaries):
    found = dfdnet_dictionaries.read(dictionaries)
    assert len(found) == 16
    assert found["dictionaries.mouth_256"].shape == (2, 8, 55, 55)
    assert found["dictionaries.nose_32"].shape == (2, 32, 3, 3)


def test_a_dictionary_that_is_missing_is_named(dictionaries, tmp_path):
    file = changed(dictionaries, tmp_path / "b.zip", "nose_64_center.npy", None)
    with pytest.raises(BadCheckpoint, match=r"no nose_64_center\.npy: zip all of the folder"):
        dfdnet_dictionaries.read(file)


def test_an_array_that_would_run_code_is_refused(dictionaries, tmp_path):
    class Harm:
        def __reduce__(self):
            return (print, ("harm",))

    data = array_bytes(tmp_path, np.array([Harm()], dtype=object))
    file = changed(dictionaries, tmp_path / "b.zip", "mouth_32_center.npy", data)
    with pytest.raises(BadCheckpoint, match=r"mouth_32_center\.npy is not an array of numbers"):
        dfdnet_dictionaries.read(file)


@pytest.mark.parametrize("array", [np.zeros((2, 7), np.float32), np.zeros((2, 36), int), np.zeros(())])
def test_an_array_of_another_form_is_refused(dictionaries, tmp_path, array):
    file = changed(dictionaries, tmp_path / "b.zip", "mouth_32_center.npy", array_bytes(tmp_path, array))
    with pytest.raises(BadCheckpoint, match="The dictionary mouth_32 is"):
        dfdnet_dictionaries.read(file)


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    (tmp_path / "b.zip").write_bytes(b"no zip")
    with pytest.raises(BadCheckpoint, match="is not a zip"):
        dfdnet_dictionaries.read(tmp_path / "b.zip")


def test_both_files_are_added_by_their_form(dictionaries, tmp_path):
    files = ModelFiles(tmp_path / "models")
    network = published.dfdnet(tmp_path / "latest_net_G.pth", 4)
    assert files.add("dfdnet", network).name == "DFDNet.pth"
    assert files.add("dfdnet-dictionaries", dictionaries).name == "DFDNet_dictionaries.zip"
    with pytest.raises(BadCheckpoint, match="is not the file of dfdnet-dictionaries"):
        files.add("dfdnet-dictionaries", network)
    with pytest.raises(BadCheckpoint, match="is not the file of dfdnet"):
        files.add("dfdnet", dictionaries)


def test_the_parts_lie_where_the_frame_of_every_crop_has_them():
    left_eye, right_eye, nose, *mouth = TEMPLATE
    corners = [(corner, "mouth") for corner in mouth]
    for point, part in ((left_eye, "left_eye"), (right_eye, "right_eye"), (nose, "nose"), *corners):
        left, top, right, bottom = dfdnet.PARTS[part]
        assert left - 1 < point[0] < right + 2
        assert top < point[1] < bottom
