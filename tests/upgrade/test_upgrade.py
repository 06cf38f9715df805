"""The ledger and the copies that version 0.1.0 left are taken up as they are."""

from __future__ import annotations

import json
import re
from contextlib import closing

import pytest
from PIL import Image

from facewatch import __version__
from tests.upgrade.installation import COPIES, INPUTS, OUTPUTS, Installation, includes, schema

UNTOUCHED = (
    "in/1974/Großmutter.jpg",
    "in/deleted.jpg",
    "in/noise again.jpg",
    "in/noise.jpg",
    "in/own copy.jpg",
    "in/poison.jpg",
    "in/second.jpg",
    "in/third.jpg",
    "in/words.jpg",
    "letters/waits.jpg",
)
"""The photos whose rows stay as they are, to the last column."""

UNFINISHED = ("claimed", "failed", "queued", "running", "unnamed")


@pytest.fixture(scope="module")
def continued(tmp_path_factory):
    """The earlier installation before and after one run over what it left."""
    home = Installation.of_version_0_1_0(tmp_path_factory.mktemp("continued") / "home")
    before = home.rows(), home.digests(*INPUTS), home.digests(*OUTPUTS)
    home.command("run", "--once", "--no-tray", code=1)  # some photos have failed, one waits for its model
    return home, before


def test_what_was_under_way_or_waited_is_finished(continued):
    home, (before, _, _) = continued
    rows = home.rows()
    assert {before[f"in/{name}.jpg"]["state"] for name in UNFINISHED} == {
        "queued",
        "running",
        "committing",
        "retry",
    }
    for name in UNFINISHED:
        row = rows[f"in/{name}.jpg"]
        assert (row["state"], row["error"]) == ("done", ""), row
        assert row["output"] == f"out/{name}-restored.jpg"
        assert (row["report"]["model"], row["report"]["weight"]) == ("builtin", 0.5)


def test_a_copy_that_had_its_name_is_taken_with_the_comparison_beside_it(continued):
    home, (before, _, copies) = continued
    was, row = before["scans/named.jpg"], home.rows()["scans/named.jpg"]
    assert (was["state"], row["state"]) == ("committing", "done")
    extras = was["report"].pop("extras")
    beside = home.digests("scans-out")["scans-out/named-restored before-after.jpg"]
    noted = {"beside": [{"name": "named-restored before-after.jpg", "sha256": beside}]}
    assert row["report"] == {**was["report"], **noted}
    assert beside == copies[extras[0]["temporary"].removeprefix(f"{home.home}/")]


def test_what_had_come_to_an_end_stays_as_it_is(continued):
    home, (before, _, _) = continued
    rows = home.rows()
    for path in UNTOUCHED:
        assert rows[path] == before[path]
    states = [before[path]["state"] for path in UNTOUCHED]
    assert set(states) == {"done", "no_faces", "skipped", "parked", "poison", "gone", "queued"}


def test_a_photo_that_only_looks_new_is_not_restored_again(continued):
    home, (before, _, _) = continued
    was, row = before["portraits/aunt.jpg"], home.rows()["portraits/aunt.jpg"]
    assert row["seen"] != was["seen"]
    same = ("state", "sha256", "recipe", "ended", "output", "output_sha256", "report")
    assert {name: row[name] for name in same} == {name: was[name] for name in same}


def test_a_photo_that_fails_again_is_counted_on(continued):
    home, (before, _, _) = continued
    was, row = before["in/half.jpg"], home.rows()["in/half.jpg"]
    assert (row["state"], row["error"]) == (was["state"], was["error"]) == ("retry", "TruncatedPhoto")
    assert row["attempts"] == was["attempts"] + 1 == 4
    assert row["not_before"] != was["not_before"]
    failed = json.loads(home.command("status", "--json"))["failed"]
    assert {photo["path"] for photo in failed} == {
        str(home.home / "in" / f"{name}.jpg") for name in ("words", "poison", "half")
    }
    assert all(photo["reason"] for photo in failed)


def test_copies_are_known_by_their_tags_and_by_the_ledger(continued):
    home, _ = continued
    rows = home.rows()
    adopted, dropped = rows["in/known by its copy.jpg"], rows["in/dropped copy.jpg"]
    assert (adopted["state"], adopted["output"]) == ("done", "out/known by its copy-restored.jpg")
    assert dropped["state"] == "skipped"


def test_originals_and_copies_keep_their_bytes_and_nothing_is_made_twice(continued):
    home, (_, originals, copies) = continued
    assert home.digests(*INPUTS) == originals
    now = home.digests(*OUTPUTS)
    assert {name: now[name] for name in COPIES} == {name: copies[name] for name in COPIES}
    made = {f"out/{name}-restored.jpg" for name in UNFINISHED}
    assert now.keys() == COPIES | made | {"scans-out/named-restored before-after.jpg"}


def test_a_new_copy_says_of_itself_what_the_earlier_ones_say(continued):
    home, _ = continued
    said = []
    for name in ("third", "running"):
        copy = home.home / "out" / f"{name}-restored.jpg"
        with Image.open(copy) as image:
            software = image.getexif()[0x0131]
        found = re.search(rb'facewatch:source="([0-9a-f]{64})"', copy.read_bytes())
        assert found[1].decode() == home.rows()[f"in/{name}.jpg"]["sha256"]
        said.append(software.replace(__version__, "0.1.0"))
    assert said == ["facewatch 0.1.0 (model builtin, weight 0.5)"] * 2


@pytest.mark.skipif(__version__ != "0.1.0", reason="a recipe names the version")
def test_the_same_photo_with_the_same_settings_has_the_same_recipe_and_copy(continued):
    home, (before, _, _) = continued
    rows = home.rows()
    assert rows["in/running.jpg"]["recipe"] == before["in/third.jpg"]["recipe"]
    assert rows["in/queued.jpg"]["output_sha256"] == before["in/third.jpg"]["output_sha256"]


def test_the_ledger_is_the_same_file_in_the_same_words_and_keeps_its_facts(continued, tmp_path):
    home, _ = continued
    assert not list((home.home / "state").glob("ledger.broken*"))
    new = Installation(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "config.toml").write_text(
        f'model = "builtin"\n[[folders]]\ninput = "{tmp_path}/in"\noutput = "{tmp_path}/out"\n', "utf-8"
    )
    new.command("run", "--once", "--no-tray")
    with closing(home.ledger()) as ledger, closing(new.ledger()) as new_ledger:
        assert schema(new_ledger) == schema(ledger)
        facts = dict(map(tuple, ledger.execute("SELECT key, value FROM facts")))
    assert json.loads(facts["incidents"])[:1] == home.expected("status")["incidents"]
    assert str(home.home / "in") in json.loads(facts["disks"])


def test_status_shows_every_photo_with_its_reason_and_the_incidents(earlier):
    status = json.loads(earlier.command("status", "--json"))
    # Earlier versions did not name the files that were skipped.
    status["recent"] = [photo for photo in status["recent"] if photo["state"] != "skipped"]
    assert includes(status, earlier.expected("status"))
