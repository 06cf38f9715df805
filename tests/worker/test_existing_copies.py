"""Copies that stand although the ledger is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from facewatch.restoration.codecs.metadata import xmp
from facewatch.restoration.codecs.photo import Provenance
from facewatch.state.ledger import Ledger
from facewatch.system.atomic import sha256_of
from facewatch.system.fingerprint import Fingerprint
from facewatch.worker.existing_copies import adopt_existing_copy

CONTENT, OTHER, RECIPE = "a" * 64, "b" * 64, "c" * 64


class House:
    """A new ledger over an old output folder."""

    def __init__(self, home: Path) -> None:
        self.input, self.output = home / "in", home / "out"
        self.input.mkdir()
        self.output.mkdir()
        self.ledger = Ledger.open(home / "ledger.sqlite3")

    def stands(self, name: str, source: str = CONTENT, recipe: str = RECIPE) -> Path:
        path = self.output / name
        path.write_bytes(xmp.restored(None, Provenance("builtin", 0, "1", source, recipe), (4, 3)))
        return path

    def job(self, name: str, wishes: dict | None = None):
        (self.input / name).touch()
        self.ledger.queue(self.input / name, self.input, Fingerprint(1, 2, 3, 4), wishes)
        found = self.ledger.photo(self.input / name)
        return self.ledger.start(found)

    def adopt(self, name: str, tail: str = "", **job) -> Path | None:
        return adopt_existing_copy(self.ledger, self.job(name, **job), CONTENT, self.output, tail)


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.ledger.close()


def test_a_photo_whose_copy_stands_is_done_with_it(house):
    copy = house.stands("a.jpg")
    assert house.adopt("a.jpg") == copy
    job = house.ledger.photo(house.input / "a.jpg")
    assert (job.state, job.output, job.sha256, job.recipe) == ("done", copy, CONTENT, RECIPE)
    assert job.output_sha256 == sha256_of(copy)
    assert house.ledger.is_output(sha256_of(copy), Path("/elsewhere/moved.jpg"))
    assert house.ledger.finished_duplicate(CONTENT, RECIPE).output == copy
    assert house.ledger.interrupted() == []


@pytest.mark.parametrize("name", ["a.png", "a.JPG", "a (2).jpg", "a (3).webp", "a-x.jpg", "a-x (2).tif"])
def test_whatever_format_number_or_tail_it_has(house, name):
    if name == "a (3).webp":
        house.stands("a (2).webp", OTHER)
    copy = house.stands(name)
    assert house.adopt("a.JPG" if name == "a.JPG" else "a.jpg", tail="-x") == copy


@pytest.mark.parametrize("name", ["b.jpg", "a (3).jpg", "aa.jpg", "a.txt", "sub/a.jpg"])
def test_other_names_are_not_looked_at(house, name):
    (house.output / "sub").mkdir()
    house.stands(name)
    assert house.adopt("a.jpg") is None


def test_three_of_the_same_content_take_one_each_and_the_fourth_none(house):
    copies = [house.stands(f"{name}.jpg") for name in "abc"]
    assert [house.adopt(f"{name}.jpg") for name in "abc"] == copies
    assert house.adopt("d.jpg") is None
    assert house.ledger.photo(house.input / "d.jpg").state == "running"


def test_photos_that_meet_under_one_name_find_their_own(house):
    of_another, own = house.stands("a.jpg", OTHER), house.stands("a (2).jpg")
    assert house.adopt("a.png") == own
    assert of_another.exists()


def test_one_copy_is_never_taken_by_two(house):
    house.stands("a.jpg")
    assert house.adopt("a.jpg") is not None
    assert house.adopt("a.png") is None


def test_photos_of_a_folder_that_was_renamed_find_their_copies(house):
    copy = house.stands("a.jpg")
    assert house.adopt("a.jpg") == copy
    house.input.rename(house.input.with_name("photos"))
    house.input = house.input.with_name("photos")
    assert house.adopt("a.jpg") == copy


def test_what_was_made_from_other_bytes_or_says_nothing_is_left_alone(house):
    house.stands("a.jpg", OTHER)
    (house.output / "a.png").write_bytes(b"the user's own")
    (house.output / "a.webp").symlink_to(house.stands("elsewhere.webp"))
    (house.output / "a.tif").mkdir()
    assert house.adopt("a.jpg") is None
    assert house.ledger.photo(house.input / "a.jpg").state == "running"


def test_a_redo_is_made_in_any_case(house):
    house.stands("a.jpg")
    assert house.adopt("a.jpg", wishes={"model": None, "weight": 1.0}) is None


def test_a_copy_that_tells_no_recipe_makes_no_twins(house):
    house.stands("a.jpg", recipe="")
    assert house.adopt("a.jpg") is not None
    assert house.ledger.finished_duplicate(CONTENT, RECIPE) is None


def test_a_copy_whose_name_was_given_but_not_noted_as_done_is_found_again(house):
    copy = house.stands("a.jpg")
    job = house.job("a.jpg")
    house.ledger.record_hash(job, CONTENT, RECIPE)
    house.ledger.committing(job, copy, sha256_of(copy), Path("/out/.facewatch-1"), {"faces": [1]})
    house.ledger.give_back(job)  # the disk of the ledger was full
    assert house.adopt("a.jpg") == copy
    assert house.ledger.photo(house.input / "a.jpg").state == "done"
