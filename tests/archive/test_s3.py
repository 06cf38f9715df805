"""An object store on loopback, by moto: conditional puts, a listing in pages, answers of 503."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from facewatch.archive.store import open_store
from facewatch.archive.verification import verify
from facewatch.errors import StoreUnavailable
from facewatch.system.opened import sha256_of
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
            s3_server.fail_next(30)

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
