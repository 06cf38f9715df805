"""Model files found, verified and trusted, and their licences."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from facewatch.errors import BadCheckpoint, CheckpointMissing, LicenceNotAccepted, WrongUse
from tests.models.rows import NON_COMMERCIAL, RIGHT, SHA, TOY, UNPUBLISHED, make_model_files, row


def stop_at_once() -> bool:
    return True


def test_a_file_with_the_right_digest_is_found(tmp_path: Path):
    (tmp_path / "toy.pth").write_bytes(RIGHT)
    model_files = make_model_files(tmp_path, TOY)
    assert model_files.find("toy") == tmp_path / "toy.pth"
    assert model_files.digest("toy") == SHA
    assert model_files.state("toy") == "present"


def test_a_missing_file_says_how_to_get_it(tmp_path: Path):
    model_files = make_model_files(tmp_path / "nowhere", TOY)
    assert model_files.state("toy") == "missing"
    with pytest.raises(CheckpointMissing, match=r"models pull toy.*models add toy FILE"):
        model_files.find("toy")
    assert not (tmp_path / "nowhere").exists()


def test_a_wrong_file_is_corrupt_and_named_with_both_digests(tmp_path: Path):
    (tmp_path / "toy.pth").write_bytes(b"wrong")
    model_files = make_model_files(tmp_path, TOY)
    assert model_files.state("toy") == "corrupt"
    with pytest.raises(BadCheckpoint, match=f"{hashlib.sha256(b'wrong').hexdigest()}, not {SHA}"):
        model_files.find("toy")


def test_the_bytes_are_read_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "toy.pth"
    file.write_bytes(RIGHT)
    make_model_files(tmp_path, TOY).find("toy")

    def refuse(_: Path) -> str:
        raise AssertionError("the file was read again")

    monkeypatch.setattr("facewatch.models.digests.sha256_of", refuse)
    later = make_model_files(tmp_path, TOY)
    assert later.find("toy") == file
    assert later.state("toy") == "present"
    os.utime(file, ns=(1, 1))
    with pytest.raises(AssertionError, match="read again"):
        later.state("toy")


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_noticed(tmp_path: Path):
    file = tmp_path / "toy.pth"
    file.write_bytes(RIGHT)
    model_files = make_model_files(tmp_path, TOY)
    model_files.find("toy")
    time_ns = file.stat().st_mtime_ns
    other = tmp_path / "other"
    other.write_bytes(b"the wrong bytes")
    os.utime(other, ns=(time_ns, time_ns))
    other.replace(file)
    assert model_files.state("toy") == "corrupt"


def test_verify_reads_the_file_again(tmp_path: Path):
    file = tmp_path / "toy.pth"
    file.write_bytes(RIGHT)
    model_files = make_model_files(tmp_path, TOY)
    model_files.find("toy")
    stamp = file.stat()
    with file.open("r+b") as rotten:
        rotten.write(b"X")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert model_files.state("toy") == "present"  # nothing but the bytes has changed
    check = model_files.verify("toy")
    assert (check.state, check.published) == ("corrupt", SHA)
    assert model_files.state("toy") == "corrupt"


def test_a_builtin_model_has_no_file(tmp_path: Path):
    model_files = make_model_files(tmp_path, TOY)
    assert model_files.state("builtin") == "builtin"
    assert model_files.digest("builtin") == "builtin"
    assert model_files.verify("builtin").state == "builtin"
    with pytest.raises(CheckpointMissing, match="part of facewatch"):
        model_files.find("builtin")
    with pytest.raises(WrongUse, match="part of facewatch"):
        model_files.fetch("builtin", lambda _: None, stop_at_once)


def test_an_unknown_name_names_the_nearest(tmp_path: Path):
    model_files = make_model_files(tmp_path, TOY)
    with pytest.raises(WrongUse, match='did you mean "toy"'):
        model_files.row("toi")
    assert model_files.state("toi") == "missing"


def test_without_a_published_digest_the_first_file_is_trusted_and_shown(tmp_path: Path):
    (tmp_path / "loose.pth").write_bytes(b"first")
    model_files = make_model_files(tmp_path, UNPUBLISHED)
    assert model_files.state("loose") == "present"
    trusted = model_files.look("loose").trusted
    assert trusted is not None
    assert (trusted.by, trusted.since, trusted.sha256) == (
        "first use",
        "2024-05-06",
        hashlib.sha256(b"first").hexdigest(),
    )
    (tmp_path / "loose.pth").write_bytes(b"second")
    assert model_files.state("loose") == "corrupt"
    with pytest.raises(BadCheckpoint, match="changed since it was first seen"):
        model_files.find("loose")


def test_a_non_commercial_licence_is_accepted_once_for_all_its_models(tmp_path: Path):
    first = row("first", "https://example.org/1", SHA, 1, licence=NON_COMMERCIAL)
    second = row("second", "https://example.org/2", SHA, 1, licence=NON_COMMERCIAL)
    model_files = make_model_files(tmp_path, TOY, first, second)
    assert model_files.licence_question("toy") is None
    assert model_files.licence_question("builtin") is None
    assert model_files.licence_question("first") == NON_COMMERCIAL
    with pytest.raises(LicenceNotAccepted, match=r"NC 1\.0 \(https://example\.org/nc\).*models accept first"):
        model_files.fetch("first", lambda _: None, stop_at_once)
    model_files.accept("first")
    assert model_files.licence_question("first") is None
    assert make_model_files(tmp_path, first, second).licence_question("second") is None
    assert json.loads((tmp_path / "licences.json").read_text()) == {
        "NC 1.0": {"accepted": "2024-05-06", "terms": "https://example.org/nc", "asked_for": "first"}
    }


def test_the_error_names_damaged_records(tmp_path: Path):
    (tmp_path / "records.json").write_text("{ half")
    with pytest.raises(BadCheckpoint, match=r"records\.json is damaged \(.*\)\. Delete it"):
        make_model_files(tmp_path, TOY).state("toy")
    (tmp_path / "records.json").write_text('{"toy": {"seen": 3}}')
    with pytest.raises(
        BadCheckpoint, match=r"records\.json is damaged \(an entry is malformed\)\. Delete it"
    ):
        make_model_files(tmp_path, TOY).state("toy")


def test_the_error_names_a_folder_in_place_of_a_file(tmp_path: Path):
    (tmp_path / "toy.pth").mkdir()
    with pytest.raises(BadCheckpoint, match="is not a file"):
        make_model_files(tmp_path, TOY).state("toy")


def test_a_read_only_folder_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "toy.pth").write_bytes(RIGHT)

    def refuse(path: Path, data: bytes) -> None:
        from facewatch.errors import CannotWrite

        raise CannotWrite(f"cannot write {path}")

    monkeypatch.setattr("facewatch.models.records.write_atomically", refuse)
    model_files = make_model_files(tmp_path, TOY)
    assert model_files.find("toy") == tmp_path / "toy.pth"

    def read_again(_: Path) -> str:
        raise AssertionError("the file was read again")

    monkeypatch.setattr("facewatch.models.digests.sha256_of", read_again)
    assert model_files.state("toy") == "present"
