"""Model files without a direct address: a page for the browser, and a file checked by its form."""

from __future__ import annotations

import threading

import pytest

from facewatch.errors import BadCheckpoint, CheckpointMissing, DownloadFailed
from facewatch.models.catalogue import MODELS, Checkpoint, Model
from facewatch.models.downloader import Downloader
from facewatch.models.files import ModelFiles
from tests import published
from tests.models.rows import FREE

PAGE = "https://example.org/drive"
ROW = Model(
    "drawn",
    "face",
    "a test",
    Checkpoint("drawn.pth", "", None, None, FREE, page=PAGE),
    network="gpen",
    crop_size=32,
)


def model_files(folder, **fields):
    return ModelFiles(folder, rows=(*MODELS, ROW), **fields)


def small(path, size=32):
    return published.gpen(path, size, width=1 / 16)


WORDS = rf"from {PAGE} with a browser, then `facewatch models add drawn FILE`"


def test_a_missing_file_is_asked_for_with_its_page_and_command(tmp_path):
    files = model_files(tmp_path)
    with pytest.raises(CheckpointMissing, match=WORDS) as raised:
        files.find("drawn")
    assert "pull" not in str(raised.value)
    with pytest.raises(DownloadFailed, match=WORDS):
        files.fetch("drawn", lambda _: None, threading.Event())


def test_a_photo_that_waits_for_it_says_where_the_file_is(tmp_path):
    downloader = Downloader(model_files(tmp_path), lambda: None)
    downloader.want("drawn")
    downloader.turn()
    state = downloader.states()["drawn"]
    assert state["state"] == "waiting"
    assert state["reason"].startswith(f"download its file from {PAGE}")


def test_the_list_of_models_says_that_it_comes_by_browser(tmp_path):
    from facewatch.cli.model_table import facts

    files = model_files(tmp_path)
    row = facts(files, files.row("drawn"), {})
    assert (row["page"], row["state"]) == (PAGE, "missing")
    files.add("drawn", small(tmp_path / "elsewhere" / "a.pth"))
    assert facts(files, files.row("drawn"), {})["state"] == "present"


def test_a_mirror_may_have_the_file(tmp_path):
    files = model_files(tmp_path, mirror="https://127.0.0.1:9")
    assert [source.address for source in files._sources("drawn")] == ["https://127.0.0.1:9/drawn.pth"]


def test_the_right_form_is_taken_under_any_file_name_and_its_digest_kept(tmp_path):
    files = model_files(tmp_path / "models")
    assert files.add("drawn", small(tmp_path / "pytorch_model.pt")).name == "drawn.pth"
    assert files.state("drawn") == "present"
    with pytest.raises(BadCheckpoint, match=r"its size is .* expected is"):
        files.add("drawn", published.gpen(tmp_path / "other.pth", 32, width=1 / 8))


@pytest.mark.parametrize("trust", [False, True])
def test_another_network_is_refused_by_name_and_nothing_is_kept(tmp_path, trust):
    files = model_files(tmp_path / "models")
    with pytest.raises(
        BadCheckpoint, match=r"is not the file of drawn. The file is GPEN for faces of 64 pixels"
    ):
        files.add("drawn", small(tmp_path / "large.pth", 64), trust=trust)
    half = tmp_path / "half.pth"
    half.write_bytes(small(tmp_path / "a.pth").read_bytes()[:9999])
    with pytest.raises(BadCheckpoint, match=r"is not the file of drawn\. .*incomplete"):
        files.add("drawn", half, trust=trust)
    assert files.state("drawn") == "missing"


def test_a_changed_file_is_named_with_the_page(tmp_path):
    files = model_files(tmp_path / "models")
    path = files.add("drawn", small(tmp_path / "a.pth"))
    path.write_bytes(b"changed")
    assert f"from {PAGE} with a browser" in files.problem("drawn")
