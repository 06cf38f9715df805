"""Which work is measured, and by whom."""

from __future__ import annotations

import importlib

import pytest

from facewatch.cli.bench.plan import QUICK, Plan
from facewatch.cli.bench.rows import rows_of, without_peers
from facewatch.errors import WrongUse
from facewatch.models.catalogue import BY_NAME

EVERY = rows_of(Plan(), "cuda:0")


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.name)
def test_every_flow_has_a_maker_and_models_of_the_catalogue(row):
    assert any(flow.side == "ours" for flow in row.flows)
    for flow in row.flows:
        module, _, function = flow.maker.partition(".")
        assert callable(getattr(importlib.import_module(f"facewatch.cli.bench.{module}"), function))
        assert all(BY_NAME[name].checkpoint for name in flow.models)


def test_no_two_rows_have_the_same_name():
    assert len({row.name for row in EVERY}) == len(EVERY)


def test_batches_on_a_gpu_only():
    assert {row.name for row in EVERY} - {row.name for row in rows_of(Plan(), "cpu")} == {
        f"batch-{model}-{count}" for model in ("gfpgan-1.4", "codeformer") for count in (1, 4, 16)
    }


def test_stages_are_chosen_by_how_their_names_begin():
    assert [row.name for row in rows_of(Plan(rows=("paste-13", "png")), "cpu")] == [
        "paste-13-x1",
        "paste-13-x2",
        "png",
    ]


def test_an_unknown_stage_is_named_beside_those_there_are():
    with pytest.raises(WrongUse, match=r"no stage pasta; there are gfpgan, codeformer"):
        rows_of(Plan(rows=("pasta",)), "cpu")


def test_the_quick_plan_is_small():
    rows = rows_of(QUICK, "cpu")
    assert {row.name for row in rows} < {row.name for row in EVERY}
    assert {row.repeats for row in rows} == {1}


def test_without_the_peers_only_ours_is_left():
    rows = without_peers(EVERY)
    assert {flow.side for row in rows for flow in row.flows} == {"ours"}
    assert not any(flow.needs_peers for row in rows for flow in row.flows)


def test_the_reference_gets_the_same_pictures_as_ours():
    for row in EVERY:
        assert len({(flow.args.get("photo"), flow.args.get("upscale", 1)) for flow in row.flows}) == 1
