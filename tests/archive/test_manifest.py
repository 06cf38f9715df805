"""Parts of the manifest that something else wrote, or a disk spoiled."""

from __future__ import annotations

import pytest

pytest.importorskip("pyarrow", reason="pip install 'facewatch[test]' for the tests of archives")

import pyarrow as pa
import pyarrow.parquet as pq

from facewatch.archive.manifest import SCHEMA, Manifest
from facewatch.archive.store import open_store
from facewatch.errors import FacewatchError, StoreUnavailable
from tests.archive.test_run import run


@pytest.fixture
def part(make_plan, photos, tmp_path):
    run(make_plan(photos("a.jpg"), tmp_path / "out"))
    [path] = (tmp_path / "out/.facewatch/manifest").iterdir()
    return path


def flipped(path):
    data = bytearray(path.read_bytes())
    data[60] ^= 0x10
    return bytes(data)


def as_part(path, table):
    pq.write_table(table, path)
    return path.read_bytes()


SPOILED = {
    "empty": lambda path: b"",
    "cut": lambda path: path.read_bytes()[:-50],
    "a bit flipped": flipped,
    "another table": lambda path: as_part(path, pa.table({"x": [1]})),
    "a column less": lambda path: as_part(path, pq.read_table(path).drop_columns(["source"])),
    "no values": lambda path: as_part(path, SCHEMA.empty_table().take(pa.array([None], pa.int64()))),
    "numbers for names": lambda path: as_part(
        path, pq.read_table(path).set_column(0, "source", pa.array([1]))
    ),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_part_that_is_damaged_or_not_ours_is_named_with_what_to_do(part, tmp_path, how):
    part.write_bytes(SPOILED[how](part))
    manifest = Manifest(open_store(str(tmp_path / "out")), "")
    for read in (lambda: manifest.done("k" * 64), lambda: list(manifest.tables())):
        with pytest.raises(FacewatchError, match=r"000000\.parquet .* move it away, and its photos"):
            read()


def test_a_part_with_more_columns_is_read(part, tmp_path):
    table = pq.read_table(part)
    as_part(part, table.append_column("new", pa.array([1])))
    assert len(Manifest(open_store(str(tmp_path / "out")), "").done("k" * 64)) == 1


def test_a_part_that_cannot_be_read_now_is_not_called_damaged(part, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(5, "Input/output error")

    store = open_store(str(tmp_path / "out"))
    monkeypatch.setattr(store, "open", fail)
    with pytest.raises(StoreUnavailable, match=r"cannot be read: .*Input/output error"):
        Manifest(store, "").done("k" * 64)


def test_a_part_dated_at_the_end_of_time_hinders_no_new_run(part, tmp_path):
    part.rename(part.with_name("99991231T235959-x-000000.parquet"))
    assert Manifest(open_store(str(tmp_path / "out")), "").time_of_next_run().year < 9999
