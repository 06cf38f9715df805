"""An object store on loopback, by moto: conditional puts, a listing in pages, answers of 503."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facewatch.archive.publishing import Identity, publish
from facewatch.archive.store import open_store
from facewatch.archive.verification import verify
from facewatch.errors import StoreUnavailable
from facewatch.system.opened import sha256_of
from facewatch.worker.output import FinishedCopy
from tests.archive.conftest import files_below
from tests.archive.test_run import rows_of, run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def test_a_bucket_is_listed_page_by_page(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr("facewatch.archive.remote_store._PAGE", 3)
    store = open_store(f"{bucket}/in")
    file = tmp_path / "a.tmp"
    file.write_bytes(b"photo")
    names = {f"{number}.jpg" for number in range(10)} | {"sub/a.jpg"}
    for name in (*names, ".facewatch/x.jpg"):
        store.put_new(file, name, sha256_of(file))
    assert {photo.name for photo in store.photos()} == names


def test_every_photo_once_from_bucket_to_bucket_while_the_store_fails(
    s3_server, bucket, make_plan, tmp_path, monkeypatch
):
    monkeypatch.setattr("facewatch.archive.task_queue.wait_seconds", lambda _: 0.2)
    monkeypatch.setattr("facewatch.archive.driver.wait_seconds", lambda _: 0.2)
    source, destination = open_store(f"{bucket}/in"), open_store(f"{bucket}/out")
    file = tmp_path / "a.tmp"
    names = {f"{number:02d}.jpg" for number in range(12)}
    for name in names:
        file.write_bytes(name.encode())
        source.put_new(file, name, sha256_of(file))

    def fail(pool, row):
        if pool.size and not row.source.startswith("0"):
            s3_server.fail_next(8)

    progress, _ = run(make_plan(source.address, destination.address), each_row=fail)
    s3_server.fail_next(0)
    assert progress.outcomes == {"restored": 12}
    assert {name for name in destination.files() if not name.startswith(".facewatch")} == names
    assert len(rows_of(destination.address)) == 12
    assert not verify(source, destination).problems
    assert not list((tmp_path / "scratch").glob("facewatch-*"))


def test_a_store_that_answers_503_is_unavailable_and_works_again(s3_server, bucket, tmp_path):
    store = open_store(f"{bucket}/out")
    file = tmp_path / "a.tmp"
    file.write_bytes(b"x")
    s3_server.fail_next(1000)
    with pytest.raises(StoreUnavailable, match=r"Service Unavailable|SlowDown"):
        store.put_new(file, "a.jpg", sha256_of(file))
    s3_server.fail_next(0)
    assert store.put_new(file, "a.jpg", sha256_of(file))
    assert file.exists()


@pytest.mark.parametrize(
    ("key", "causes"),
    [
        ("in/../../evil.jpg", {}),  # hidden, since a part of it begins with a dot
        ("in//evil.jpg", {"BadPhoto: its name leads out of its folder; rename it in the source": 1}),
    ],
)
def test_a_key_that_leads_out_of_the_destination_writes_nothing(bucket, make_plan, tmp_path, key, causes):
    import boto3

    boto3.client("s3").put_object(Bucket=bucket.removeprefix("s3://"), Key=key, Body=b"photo")
    progress, _ = run(make_plan(f"{bucket}/in", tmp_path / "deep/er/out"), patience_seconds=5)
    assert progress.causes == causes
    assert not list(tmp_path.rglob("evil*"))


def test_a_key_longer_than_a_file_name_is_restored_under_a_shorter_name(bucket, make_plan, tmp_path):
    import boto3

    key = f"in/{'ü' * 150}.jpg"
    boto3.client("s3").put_object(Bucket=bucket.removeprefix("s3://"), Key=key, Body=b"photo")
    progress, _ = run(make_plan(f"{bucket}/in", tmp_path / "out"), patience_seconds=5)
    assert progress.outcomes == {"restored": 1}
    [copy] = files_below(tmp_path / "out")
    assert copy.startswith("üüü")
    assert not verify(open_store(f"{bucket}/in"), open_store(str(tmp_path / "out"))).problems


def test_two_runs_at_once_into_one_bucket_only_waste_work(bucket, make_plan, photos):
    names = {f"{number:02d}.jpg" for number in range(20)}
    source = photos(*names)
    plans = [make_plan(source, f"{bucket}/out") for _ in range(2)]
    with ThreadPoolExecutor() as both:
        progress = [each.result()[0] for each in [both.submit(run, plan) for plan in plans]]
    assert [each.outcomes for each in progress] == [{"restored": 20}] * 2
    destination = open_store(f"{bucket}/out")
    assert {name for name in destination.files() if not name.startswith(".facewatch")} == names
    assert not verify(open_store(str(source)), destination).problems


@pytest.fixture
def halved(bucket, monkeypatch):
    """Return a store with `a.jpg`, which answers requests for it with half of the bytes."""
    import boto3
    from botocore.config import Config

    client = boto3.client("s3", config=Config(request_checksum_calculation="when_required"))
    client.put_object(Bucket=bucket.removeprefix("s3://"), Key="in/a.jpg", Body=b"photo" * 1000)
    store = open_store(f"{bucket}/in")
    [listed] = store.photos()

    def half(path, target, **_):
        Path(target).write_bytes(b"photo" * 500)

    monkeypatch.setattr(store._connection, "get_file", half)
    monkeypatch.setattr("s3fs.core.S3File._fetch_range", lambda _, start, end: (b"photo" * 500)[start:end])
    return store, listed


def test_half_a_photo_is_not_taken_for_the_photo(halved, tmp_path):
    store, listed = halved
    with pytest.raises(StoreUnavailable, match="sent 2500 of the 5000 bytes"):
        store.fetch(listed.name, tmp_path, listed.size_bytes)
    assert store.fetch(listed.name, tmp_path, 2500)
    with store.open("a.jpg") as file, pytest.raises(StoreUnavailable, match="sent 2500 of 5000 bytes"):
        file.read()


def test_a_store_that_fails_while_a_copy_is_looked_at_gets_no_second_one(halved, tmp_path, monkeypatch):
    store, _ = halved
    file = tmp_path / "copy.tmp"
    file.write_bytes(b"photo" * 1000)
    copy = FinishedCopy(file, sha256_of(file), ".jpg")

    def fail(*_):
        raise OSError(16, "Please reduce your request rate.")

    for broken in (None, fail):
        if broken:
            monkeypatch.setattr("s3fs.core.S3File._fetch_range", broken)
        with pytest.raises(StoreUnavailable):
            publish(copy, "a.jpg", Identity("0" * 64, "recipe"), store, None)
    assert list(store.files()) == ["a.jpg"]


def test_a_bucket_that_is_not_there_is_said(bucket):
    with pytest.raises(StoreUnavailable, match=r"s3://nowhere/in is not there.*check the address"):
        list(open_store("s3://nowhere/in").photos())
