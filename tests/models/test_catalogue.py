"""The catalogue's rows compared with the published files."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from facewatch.models import catalogue
from facewatch.models.catalogue import MODELS

FILES = [model for model in MODELS if model.checkpoint is not None]


def published(shared: Path) -> dict[str, tuple[int | None, str]]:
    """Return size and digest by address, from the table beside the project."""
    rows = {}
    for line in (shared / "CHECKPOINTS.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[1].startswith("https://"):
            rows[cells[1]] = (int(cells[2]) if cells[2].isdecimal() else None, cells[3])
    return rows


def test_every_published_file_has_a_row_with_its_facts(shared: Path):
    rows = {
        model.checkpoint.url: (model.checkpoint.size_bytes, model.checkpoint.sha256)
        for model in FILES
        if model.checkpoint
    }
    table = published(shared)
    assert len(table) == 11
    assert {url: rows.get(url) for url in table} == table


def test_the_network_that_tells_people_apart_is_the_one_beside_the_project(shared: Path):
    (model,) = (model for model in FILES if model.kind == "identity")
    assert model.checkpoint is not None
    file = shared / "weights" / model.checkpoint.file_name
    assert file.stat().st_size == model.checkpoint.size_bytes
    assert hashlib.sha256(file.read_bytes()).hexdigest() == model.checkpoint.sha256


def test_names_and_files_are_unique():
    assert len({model.name for model in MODELS}) == len(MODELS)
    names = [model.checkpoint.file_name for model in FILES if model.checkpoint]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("model", FILES, ids=lambda model: model.name)
def test_a_row_is_complete(model: catalogue.Model):
    checkpoint = model.checkpoint
    assert checkpoint is not None
    if checkpoint.sha256 is not None:
        assert re.fullmatch("[0-9a-f]{64}", checkpoint.sha256)
    else:  # then its form tells the file
        assert model.network
    assert bool(checkpoint.url) != bool(checkpoint.page)
    if checkpoint.url:
        assert checkpoint.url.endswith("/" + checkpoint.file_name)
    for address in (checkpoint.url or checkpoint.page, *checkpoint.mirrors, checkpoint.licence.terms_url):
        assert urlsplit(address).scheme == "https"
    assert checkpoint.url not in checkpoint.mirrors
    assert checkpoint.licence.name
    assert checkpoint.licence.sentence.endswith(".")
    assert 0 <= model.default_weight <= 1


def test_non_commercial_models_are_marked():
    non_commercial = {
        model.name for model in FILES if model.checkpoint and model.checkpoint.licence.non_commercial
    }
    gpen = {name for name in catalogue.names("face") if name.startswith("gpen-")}
    assert non_commercial == {
        "gfpgan-1.2",
        "gfpgan-1.3",
        "gfpgan-1.4",
        "codeformer",
        "dfdnet",
        "dfdnet-dictionaries",
        "dmdnet",
        "parsenet",
        "pulse",
        "pulse-styles",
        *gpen,
    }


def test_the_default_comes_first_and_the_builtin_needs_no_file():
    assert catalogue.names("face")[0] == "gfpgan-1.4"
    assert catalogue.BY_NAME["builtin"].checkpoint is None
    assert catalogue.BY_NAME["yunet"].checkpoint is None
    assert catalogue.BY_NAME["codeformer"].default_weight == 0.6
