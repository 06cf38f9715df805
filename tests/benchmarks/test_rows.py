"""The rows of the comparison."""

from __future__ import annotations

import importlib

import pytest

from benchmarks.rows import NEED_GFPGAN, rows_for
from facewatch.cli.bench.rows import Plan, every_row
from facewatch.models.catalogue import BY_NAME

PLAN = Plan(mask="parse")
EVERY = rows_for(PLAN, "cuda:0")


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.name)
def test_every_flow_has_a_maker_and_models_of_the_catalogue(row):
    assert any(flow.side == "ours" for flow in row.flows)
    for flow in row.flows:
        module, _, function = flow.maker.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
        assert all(BY_NAME[name].checkpoint for name in flow.models)


def test_no_two_rows_have_the_same_name():
    assert len({row.name for row in EVERY}) == len(EVERY)


def test_every_row_of_ours_is_there_and_keeps_its_flows():
    ours = {row.name: [flow for flow in row.flows if flow.side == "ours"] for row in EVERY}
    for row in every_row(PLAN, "cuda:0"):
        assert ours[row.name] == list(row.flows)
    assert ours.keys() - {row.name for row in every_row(PLAN, "cuda:0")} == {"whole-webui", "start-gfpgan"}


def test_every_kind_of_work_but_our_own_programs_has_a_reference():
    alone = {row.name for row in EVERY if all(flow.side == "ours" for flow in row.flows)}
    assert alone == {"restoreformer", "identity", "help", "daemon"}


def test_the_reference_gets_the_same_pictures_as_ours():
    for row in EVERY:
        assert len({(flow.args.get("photo"), flow.args.get("upscale", 1)) for flow in row.flows}) == 1


def test_the_makers_that_need_gfpgan_exist():
    assert {flow.maker for row in EVERY for flow in row.flows} >= NEED_GFPGAN
