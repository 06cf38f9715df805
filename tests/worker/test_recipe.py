"""Recipes: the files that a model needs."""

from __future__ import annotations

import pytest

from facewatch.settings.schema import Plan, parse
from facewatch.settings.types import Engine
from facewatch.worker.recipe import resolve


def recipe_of(model, identity):
    settings = parse({"model": model, "restoration": {"identity": identity}}, "test")
    plan = Plan(model=model, weight=0.0, restoration=settings.restoration, output=settings.output)
    return resolve(plan, Engine(), lambda _: "cpu")


@pytest.mark.parametrize("identity", ["protect", "warn", "off"])
def test_a_model_that_makes_up_people_waits_for_the_one_that_compares(identity):
    recipe = recipe_of("pulse", identity)
    assert {"pulse", "pulse-styles", "sface"} <= set(recipe.models)
    assert recipe.optional_models == ()


def test_a_network_with_two_files_needs_both():
    assert {"dfdnet", "dfdnet-dictionaries"} <= set(recipe_of("dfdnet", "off").models)


@pytest.mark.parametrize(
    ("model", "identity", "needs", "takes"),
    [
        ("gfpgan-1.4", "protect", True, False),
        ("gfpgan-1.4", "warn", False, True),
        ("gfpgan-1.4", "off", False, False),
        ("builtin", "protect", False, True),
    ],
)
def test_photos_wait_for_the_one_that_compares_where_it_protects(model, identity, needs, takes):
    recipe = recipe_of(model, identity)
    assert ("sface" in recipe.models) == needs
    assert recipe.optional_models == (("sface",) if takes else ())
