"""`facewatch archive`: what it says before any worker starts."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

needs_cluster = pytest.mark.skipif(
    find_spec("ray") is None or find_spec("pyarrow") is None,
    reason="pip install 'facewatch[cluster]' for the tests with Ray, 240 MB",
)


def test_without_its_libraries_it_names_the_extra(call, monkeypatch):
    monkeypatch.setattr("facewatch.cli.archive.find_spec", lambda name: None if name == "ray" else object())
    said = call("archive", "in", "out")
    assert said.code == 2
    assert "needs ray: run pip install 'facewatch[cluster]'" in said.err


@needs_cluster
def test_a_source_that_is_not_there_is_wrong_use(call):
    said = call("archive", "nowhere", "out")
    assert said.code == 2
    assert "nowhere is not a folder" in said.err


@needs_cluster
def test_a_source_in_the_destination_is_wrong_use(call, tmp_path):
    (tmp_path / "out/in").mkdir(parents=True)
    said = call("archive", "out/in", "out")
    assert said.code == 2
    assert "lies in the destination" in said.err


@needs_cluster
def test_verify_names_what_has_no_row_and_fails(call, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    assert call("archive", "--verify", "in", "out").code == 0
    (tmp_path / "in/a.jpg").write_bytes(b"photo")
    said = call("archive", "--verify", "in", "out")
    assert said.code == 1
    assert "has no row in the manifest: a.jpg" in said.err


@pytest.mark.parametrize(
    ("model", "said"), [("gfpgan-1.4", "accept the licence"), ("builtin", "another run writes into")]
)
def test_what_hinders_a_run_is_said_before_ray_starts(call, tmp_path, monkeypatch, model, said):
    pytest.importorskip("pyarrow", reason="pip install 'facewatch[test]' for the tests of archives")
    from facewatch.archive.run import alone
    from facewatch.archive.store import open_store

    monkeypatch.setattr("facewatch.cli.archive.find_spec", lambda _: object())
    monkeypatch.setattr("facewatch.cli.archive._connected", lambda *_, **__: pytest.fail("Ray starts"))
    (tmp_path / "in").mkdir()
    with alone(open_store(str(tmp_path / "out"))):
        ended = call("archive", tmp_path / "in", tmp_path / "out", "--model", model)
    assert ended.code != 0
    assert said in ended.err
