"""Existing copies that a new ledger does not list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from facewatch.restoration.codecs.metadata import xmp
from facewatch.restoration.codecs.photo import Provenance
from facewatch.state.ledger import Ledger
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.opened import sha256_of
from facewatch.worker.existing_copies import RedoneCopies, adopt_existing_copy, find_existing_copies

CONTENT, OTHER, RECIPE = "a" * 64, "b" * 64, "c" * 64


class CopiesHarness:
    """A new ledger over an old output folder."""

    def __init__(self, home: Path) -> None:
        self.input, self.output = home / "in", home / "out"
        self.input.mkdir()
        self.output.mkdir()
        self.ledger = Ledger.open(home / "ledger.sqlite3")

    def add_copy(self, name: str, source: str = CONTENT, recipe: str = RECIPE) -> Path:
        path = self.output / name
        path.write_bytes(xmp.restored(None, Provenance("builtin", 0, "1", source, recipe), (4, 3)))
        return path

    def job(self, name: str, wishes: dict | None = None):
        (self.input / name).touch()
        self.ledger.queue(self.input / name, self.input, Fingerprint(1, 2, 3, 4), wishes)
        found = self.ledger.photo(self.input / name)
        return self.ledger.start(found)

    def adopt(self, name: str, tail: str = "", **job) -> Path | None:
        """Adopt the first copy that is found, as if the engine had decoded it; return it, or None."""
        started = self.job(name, **job)
        for copy, recipe in find_existing_copies(
            self.ledger, started, CONTENT, self.output, tail, redone=RedoneCopies()
        ).items():
            if adopt_existing_copy(
                self.ledger,
                started,
                copy,
                output=self.output,
                sha256=CONTENT,
                copy_sha256=sha256_of(copy),
                recipe=recipe,
            ):
                return copy
        return None


@pytest.fixture
def harness(tmp_path):
    harness = CopiesHarness(tmp_path)
    yield harness
    harness.ledger.close()


def test_a_photo_with_an_existing_copy_is_done(harness):
    copy = harness.add_copy("a.jpg")
    assert harness.adopt("a.jpg") == copy
    job = harness.ledger.photo(harness.input / "a.jpg")
    assert (job.state, job.output, job.sha256, job.recipe) == ("done", copy, CONTENT, RECIPE)
    assert job.output_sha256 == sha256_of(copy)
    assert harness.ledger.is_output(sha256_of(copy), Path("/elsewhere/moved.jpg"))
    assert harness.ledger.finished_duplicate(CONTENT, RECIPE).output == copy
    assert harness.ledger.interrupted() == []


@pytest.mark.parametrize("change", ["edited", "gone", "linked"])
def test_a_copy_that_changes_after_it_was_decoded_ends_no_photo(harness, tmp_path, change):
    (harness.output / "sub").mkdir()
    copy, started = harness.add_copy("sub/a.jpg"), harness.job("a.jpg")
    decoded = sha256_of(copy)
    if change == "edited":
        copy.write_bytes(b"edited")
    elif change == "gone":
        copy.unlink()
    else:  # its folder was swapped for a link to the same bytes elsewhere
        (harness.output / "sub").rename(tmp_path / "elsewhere")
        (harness.output / "sub").symlink_to(tmp_path / "elsewhere")
    about = {"sha256": CONTENT, "copy_sha256": decoded, "recipe": RECIPE}
    assert not adopt_existing_copy(harness.ledger, started, copy, output=harness.output, **about)
    assert harness.ledger.photo(harness.input / "a.jpg").state == "running"


@pytest.mark.parametrize(
    "name",
    [
        "a.png",
        "a.JPG",
        "a (2).jpg",
        "a (3).webp",
        "a-x.jpg",
        "a-x (2).tif",
        "a (codeformer 0.7).jpg",
        "a-x (own net 1) (2).png",
    ],
)
def test_a_copy_is_found_with_any_format_number_or_tail(harness, name):
    if name == "a (3).webp":
        harness.add_copy("a (2).webp", OTHER)
    copy = harness.add_copy(name)
    assert harness.adopt("a.JPG" if name == "a.JPG" else "a.jpg", tail="-x") == copy


@pytest.mark.parametrize(
    "name",
    ["b.jpg", "a (3).jpg", "aa.jpg", "a.txt", "aa (codeformer 0.7).jpg", "a (codeformer).jpg", "sub/a.jpg"],
)
def test_other_names_are_not_copies(harness, name):
    (harness.output / "sub").mkdir()
    harness.add_copy(name)
    assert harness.adopt("a.jpg") is None


def test_three_duplicates_take_one_copy_each_and_the_fourth_none(harness):
    copies = [harness.add_copy(f"{name}.jpg") for name in "abc"]
    assert [harness.adopt(f"{name}.jpg") for name in "abc"] == copies
    assert harness.adopt("d.jpg") is None
    assert harness.ledger.photo(harness.input / "d.jpg").state == "running"


def test_photos_that_share_a_name_find_their_own_copies(harness):
    of_another, own = harness.add_copy("a.jpg", OTHER), harness.add_copy("a (2).jpg")
    assert harness.adopt("a.png") == own
    assert of_another.exists()


def test_a_copy_is_never_taken_by_two_photos(harness):
    harness.add_copy("a.jpg")
    assert harness.adopt("a.jpg") is not None
    assert harness.adopt("a.png") is None


def test_photos_of_a_folder_that_was_renamed_find_their_copies(harness):
    copy = harness.add_copy("a.jpg")
    assert harness.adopt("a.jpg") == copy
    harness.input.rename(harness.input.with_name("photos"))
    harness.input = harness.input.with_name("photos")
    assert harness.adopt("a.jpg") == copy


def test_files_with_another_source_or_without_tags_are_left_alone(harness):
    harness.add_copy("a.jpg", OTHER)
    (harness.output / "a.png").write_bytes(b"the user's own")
    (harness.output / "a.webp").symlink_to(harness.add_copy("elsewhere.webp"))
    (harness.output / "a.tif").mkdir()
    assert harness.adopt("a.jpg") is None
    assert harness.ledger.photo(harness.input / "a.jpg").state == "running"


def test_a_redo_is_always_made(harness):
    harness.add_copy("a.jpg")
    assert harness.adopt("a.jpg", wishes={"model": None, "weight": 1.0}) is None


def test_a_copy_without_a_recipe_has_no_duplicates(harness):
    harness.add_copy("a.jpg", recipe="")
    assert harness.adopt("a.jpg") is not None
    assert harness.ledger.finished_duplicate(CONTENT, RECIPE) is None


def test_a_published_copy_that_is_not_recorded_as_done_is_found_again(harness):
    copy = harness.add_copy("a.jpg")
    job = harness.job("a.jpg")
    harness.ledger.record_hash(job, CONTENT, RECIPE)
    harness.ledger.committing(job, copy, sha256_of(copy), Path("/out/.facewatch-1"), {"faces": [1]})
    harness.ledger.give_back(job)  # the disk of the ledger was full
    assert harness.adopt("a.jpg") == copy
    assert harness.ledger.photo(harness.input / "a.jpg").state == "done"


def test_every_copy_that_may_be_the_photos_is_offered_in_case_the_first_is_cut_off(harness):
    copies = [harness.add_copy(name) for name in ("a.jpg", "a (2).jpg")]
    assert (
        list(
            find_existing_copies(
                harness.ledger, harness.job("a.jpg"), CONTENT, harness.output, "", redone=RedoneCopies()
            )
        )
        == copies
    )


def test_after_two_attempts_the_copies_are_left_alone(harness):
    harness.add_copy("a.jpg")
    job = replace(harness.job("a.jpg"), attempts=3)
    assert find_existing_copies(harness.ledger, job, CONTENT, harness.output, "", redone=RedoneCopies()) == {}
