"""The rows of `facewatch bench`."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest

from facewatch.cli.bench.rows import QUICK, Plan, rows_for
from facewatch.errors import WrongUse
from facewatch.models.catalogue import BY_NAME

EVERY = rows_for(Plan(mask="parse"), "cuda:0")


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.name)
def test_every_flow_has_a_maker_and_models_of_the_catalogue(row):
    assert row.flows
    for flow in row.flows:
        module, _, function = flow.maker.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
        assert all(BY_NAME[name].checkpoint for name in flow.models)


def test_no_two_rows_have_the_same_name():
    assert len({row.name for row in EVERY}) == len(EVERY)


def test_only_ours_is_measured():
    assert {flow.side for row in EVERY for flow in row.flows} == {"ours"}
    assert not any("benchmarks" in flow.maker for row in EVERY for flow in row.flows)


def test_batches_on_a_gpu_only():
    assert {row.name for row in EVERY} - {row.name for row in rows_for(Plan(), "cpu")} == {
        f"batch-{model}-{count}" for model in ("gfpgan-1.4", "codeformer") for count in (1, 4, 16)
    }


def test_whole_photos_need_the_models_of_their_device_and_mask_only():
    for device, detector in (("cpu", "retinaface-mobilenet"), ("cuda", "retinaface-resnet50")):
        (row,) = rows_for(Plan(rows=("whole-small",)), device)
        assert row.flows[0].models == ("gfpgan-1.4", detector)
    (row,) = rows_for(replace(Plan(mask="parse"), rows=("whole-small",)), "cpu")
    assert row.flows[0].models == ("gfpgan-1.4", "retinaface-mobilenet", "parsenet")


def test_stages_are_chosen_by_how_their_names_begin():
    assert [row.name for row in rows_for(Plan(rows=("paste-13", "png")), "cpu")] == [
        "paste-13-x1",
        "paste-13-x2",
        "png",
    ]


def test_an_unknown_stage_is_named_beside_those_there_are():
    with pytest.raises(WrongUse, match=r"no stage pasta; there are gfpgan-1.4, codeformer"):
        rows_for(Plan(rows=("pasta",)), "cpu")


def test_the_quick_plan_is_small():
    rows = rows_for(QUICK, "cpu")
    assert {row.name for row in rows} < {row.name for row in EVERY}
    assert {row.repeats for row in rows} == {1}
