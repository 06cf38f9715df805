"""Files added by hand, linked and removed, and the user's own files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from facewatch.errors import BadCheckpoint, CheckpointMissing, DiskFull, WrongUse
from facewatch.models.files import own_names
from tests.models.rows import RIGHT, SHA, TOY, UNPUBLISHED, make_model_files, row


def test_a_file_added_by_hand_is_checked_and_copied(tmp_path: Path):
    stick = tmp_path / "stick" / "anything.bin"
    stick.parent.mkdir()
    stick.write_bytes(RIGHT)
    model_files = make_model_files(tmp_path / "models", TOY)
    assert model_files.add("toy", stick) == tmp_path / "models" / "toy.pth"
    assert model_files.find("toy").read_bytes() == RIGHT
    assert stick.exists()


def test_a_wrong_file_added_by_hand_is_refused(tmp_path: Path):
    stick = tmp_path / "stick.pth"
    stick.write_bytes(b"wrong")
    model_files = make_model_files(tmp_path / "models", TOY)
    with pytest.raises(BadCheckpoint, match=f"expected is {SHA}.*--trust"):
        model_files.add("toy", stick)
    assert model_files.state("toy") == "missing"


def test_a_refused_file_that_is_another_models_is_named(tmp_path: Path):
    stick = tmp_path / "stick.pth"
    stick.write_bytes(RIGHT)
    other = row("other", "https://example.org/other.pth", "0" * 64, 3)
    with pytest.raises(BadCheckpoint, match="It is the file of toy"):
        make_model_files(tmp_path / "models", TOY, other).add("other", stick)


def test_a_wrong_file_is_accepted_with_trust(tmp_path: Path):
    stick = tmp_path / "stick.pth"
    stick.write_bytes(b"my own training")
    model_files = make_model_files(tmp_path / "models", TOY)
    model_files.add("toy", stick, trust=True)
    assert model_files.state("toy") == "present"
    look = model_files.look("toy")
    assert look.trusted is not None
    assert look.trusted.by == "user"
    assert model_files.digest("toy") == hashlib.sha256(b"my own training").hexdigest()
    (tmp_path / "models" / "toy.pth").write_bytes(b"something else")
    assert model_files.state("toy") == "corrupt"
    (tmp_path / "models" / "toy.pth").write_bytes(RIGHT)
    assert model_files.state("toy") == "present"


def test_a_file_is_not_copied_onto_a_full_disk(tmp_path: Path):
    stick = tmp_path / "stick.pth"
    stick.write_bytes(RIGHT)
    with pytest.raises(DiskFull, match=r"toy needs 15 bytes in .* where 10 bytes are free"):
        make_model_files(tmp_path / "models", TOY, free=lambda _: 10).add("toy", stick)
    assert not (tmp_path / "models" / "toy.pth").exists()


def test_a_linked_file_is_used_at_its_own_path(tmp_path: Path):
    elsewhere = tmp_path / "ComfyUI" / "weights.pth"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(RIGHT)
    model_files = make_model_files(tmp_path / "models", TOY)
    model_files.link("toy", elsewhere)
    assert make_model_files(tmp_path / "models", TOY).find("toy") == elsewhere
    elsewhere.write_bytes(b"wrong")
    assert model_files.state("toy") == "corrupt"
    elsewhere.unlink()
    assert model_files.state("toy") == "missing"


def test_removing_a_link_leaves_the_file(tmp_path: Path):
    elsewhere = tmp_path / "weights.pth"
    elsewhere.write_bytes(RIGHT)
    model_files = make_model_files(tmp_path / "models", TOY)
    model_files.link("toy", elsewhere)
    model_files.remove("toy")
    assert model_files.state("toy") == "missing"
    assert elsewhere.read_bytes() == RIGHT


def test_removing_deletes_the_file_the_part_and_the_record(tmp_path: Path):
    (tmp_path / "loose.pth").write_bytes(b"first")
    (tmp_path / "loose.pth.part").write_bytes(b"fi")
    model_files = make_model_files(tmp_path, UNPUBLISHED)
    model_files.state("loose")
    model_files.remove("loose")
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["records.json"]
    assert model_files.look("loose").trusted is None
    with pytest.raises(CheckpointMissing, match="no file of loose"):
        model_files.remove("loose")


def test_the_users_own_files_appear_under_their_names(tmp_path: Path):
    (tmp_path / "wedding.pth").write_bytes(b"a")
    (tmp_path / "toy.safetensors").write_bytes(b"b")  # its stem is a catalogue name
    (tmp_path / ".hidden.pth").write_bytes(b"c")
    (tmp_path / "toy.pth").write_bytes(RIGHT)
    (tmp_path / "notes.txt").write_bytes(b"d")
    model_files = make_model_files(tmp_path, TOY)
    assert [model.name for model in model_files.rows()] == ["toy", "builtin", "toy.safetensors", "wedding"]
    assert model_files.state("wedding") == "present"
    assert model_files.look("wedding").trusted is not None
    assert model_files.row("wedding").kind == "face"
    model_files.note_kind("wedding", "upscaler")
    assert make_model_files(tmp_path, TOY).row("wedding").kind == "upscaler"


def test_own_names_leave_out_catalogue_files(tmp_path: Path):
    (tmp_path / "wedding.pth").write_bytes(b"a")
    (tmp_path / "GFPGANv1.4.pth").write_bytes(b"b")
    assert own_names(tmp_path) == ("wedding",)
    assert own_names(tmp_path / "nowhere") == ()


def test_an_unreadable_models_folder_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my-faces.pth").write_bytes(b"x")

    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(BadCheckpoint, match=r"models folder .* cannot be read: Permission denied"):
        own_names(tmp_path)


def test_an_own_file_can_be_added_and_linked_under_a_name(tmp_path: Path):
    file = tmp_path / "epoch_90.safetensors"
    file.write_bytes(b"weights")
    model_files = make_model_files(tmp_path / "models", TOY)
    assert model_files.add("wedding", file) == tmp_path / "models" / "wedding.safetensors"
    model_files.link("party", file)
    assert model_files.find("party") == file
    assert {"wedding", "party"} <= {model.name for model in model_files.rows()}
    with pytest.raises(WrongUse, match="cannot be the name"):
        model_files.add("../up", file)
    with pytest.raises(WrongUse, match="no model file"):
        model_files.add("notes", tmp_path / "notes.txt")


def test_a_changed_own_file_is_accepted_by_adding_it_again(tmp_path: Path):
    file = tmp_path / "wedding.pth"
    file.write_bytes(b"first")
    model_files = make_model_files(tmp_path, TOY)
    model_files.find("wedding")
    file.write_bytes(b"second")
    with pytest.raises(BadCheckpoint, match="--trust"):
        model_files.find("wedding")
    model_files.add("wedding", file, trust=True)
    assert model_files.find("wedding") == file


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_model_files_and_their_folder_are_private_whatever_the_umask(tmp_path: Path):
    stick = tmp_path / "stick.pth"
    stick.write_bytes(RIGHT)
    before = os.umask(0)
    try:
        folder = tmp_path / "data" / "models"
        make_model_files(folder, TOY).add("toy", stick)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "toy.pth").stat().st_mode & 0o777 == 0o600
    assert (folder / "records.json").stat().st_mode & 0o777 == 0o600
