"""What may be chosen, and what is said of what may not."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from facewatch.errors import BadSettings
from facewatch.settings.schema import SECTIONS, Settings, full_key, keys_of, parse

DRIVE = "C:" if sys.platform == "win32" else ""
FOLDER = {"input": f"{DRIVE}/photos/in", "output": f"{DRIVE}/photos/out"}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"modle": "codeformer"}, ["unknown key modle", '"model"']),
        ({"output": {"qualty": 90}}, ["output.qualty", '"quality"']),
        ({"weights": {"codeformer": 1.4}}, ["weights.codeformer", "1.4", "less than or equal to 1"]),
        ({"model": "gfpgan-1.5"}, ['"gfpgan-1.5"', '"gfpgan-1.4"']),
        ({"weights": {"gfpgan": 0.5}}, ['"gfpgan"']),
        ({"engine": {"device": "gpu"}}, ['engine.device = "gpu": write "auto", "cpu"']),
        ({"upscale": 2}, ["unknown key upscale; it belongs below the line [restoration]"]),
        ({"input": "/a"}, ["unknown key input; it belongs below the line [[folders]]"]),
        ({"output": {"paused": True}}, ["unknown key output.paused; it belongs to the top of the file"]),
        ({"Model": "codeformer"}, ['unknown key Model; did you mean "model"?']),
        ({"weight": 0.5}, ["write [weights]"]),
        ({"output": {"format": "JPG"}}, ['output.format = "JPG"', 'did you mean "jpeg"?']),
        ({"folders": {"input": "/a", "output": "/b"}}, ["write [[folders]], with two brackets"]),
        ({"folders": [{"input": "/a"}]}, ["folders.0: the key output is missing"]),
        ({"folders": [{**FOLDER, "include": "*.jpg"}]}, ['write a list: ["*.jpg"]']),
        ({"weights": {"gfpgan-1": {"4": 0.5}}}, ['write the name in quotes: "gfpgan-1.4" = 0.5']),
        ({"weights": {"codeformer": "strong"}}, ["write a number from 0 (full restoration)"]),
        ({"weights": 0.5}, ["write [weights] in a line of its own"]),
        ({"restoration": {"try_rotations": "perhaps"}}, ["should be true or false"]),
        ({"folders": [{**FOLDER, "output": 3}]}, ["folders.0.output = 3: should be a path in quotes"]),
        ({"restoration": {"max_faces": 1.5}}, ["should be a whole number"]),
        ({"folders": [{"input": "here", "output": "/b"}]}, ["folders.0.input", "relative path"]),
        ({"folders": [{"input": f"{DRIVE}/a", "output": f"{DRIVE}/a"}]}, ["lies in the output"]),
        ({"folders": [{"input": f"{DRIVE}/a/b", "output": f"{DRIVE}/a"}]}, ["lies in the output"]),
        ({"folders": [FOLDER, FOLDER]}, ["watched twice"]),
        (
            {"folders": [{**FOLDER, "restoration": {"upscal": 2}}]},
            ["folders.0.restoration.upscal", '"upscale"'],
        ),
        ({"folders": [{**FOLDER, "weight": -1}]}, ["folders.0.weight"]),
        ({"output": {"quality": True}}, ["output.quality", "true is no number"]),
        ({"weights": {"codeformer": True}}, ["weights.codeformer", "no number"]),
        ({"engine": {"timeout_seconds": float("inf")}}, ["engine.timeout_seconds", "finite"]),
        ({"output": {"suffix": "x" * 300}}, ["output.suffix", "too long"]),
        ({"model_mirror": "file:///"}, ["model_mirror", "https://"]),
        ({"model_mirror": "https://[::1/"}, ["model_mirror", "https://HOST"]),
        ({"model_mirror": "https://nas:port/"}, ["model_mirror", "https://HOST"]),
        ({"model_mirror": "https://nas/a\nb"}, ["model_mirror", "control characters"]),
        ({"folders": [{**FOLDER, "output": f"{DRIVE}/out\0"}]}, ["folders.0.output", "zero character"]),
        ({"output": {"suffix": "a/b"}}, ["output.suffix", "file's name"]),
        (
            {"folders": [{**FOLDER, "exclude": ["*.png", "[z-a]*.jpg"]}]},
            ["folders.0.exclude.1", "'[z-a]*.jpg'", "range z-a"],
        ),
        ({"folders": [{**FOLDER, "include": [""]}]}, ["folders.0.include.0", "a pattern is empty"]),
        ({"restoration": {"background": "realesrgan"}}, ["restoration.background", "realesrgan-x"]),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(raw, words):
    with pytest.raises(BadSettings) as caught:
        parse(raw, "config.toml")
    for word in ["config.toml", *words]:
        assert word in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make symlinks")
@pytest.mark.parametrize("output", ["link", "data/x/..", "link/in"])
def test_an_input_that_lies_in_the_output_by_another_name_is_refused(tmp_path, output):
    (tmp_path / "data" / "in").mkdir(parents=True)
    (tmp_path / "data" / "x").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    folder = {"input": str(tmp_path / "data" / "in"), "output": str(tmp_path / output)}
    with pytest.raises(BadSettings, match="lies in the output"):
        parse({"folders": [folder]}, "config.toml")


def test_every_mistake_is_told_at_once():
    with pytest.raises(BadSettings) as caught:
        parse({"modle": "x", "output": {"quality": 0}}, "config.toml")
    assert "modle" in str(caught.value)
    assert "output.quality" in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        {"engine": {"max_megapixels": "big"}},
        {"paused": "tomorrow"},
        {"folders": [{**FOLDER, "restoration": {"upscal": 2}}]},
    ],
)
def test_one_mistake_is_one_line_in_the_users_words(raw):
    with pytest.raises(BadSettings) as caught:
        parse(raw, "config.toml")
    text = str(caught.value)
    assert "\n" not in text
    assert not any(word in text for word in ("literal", "constrained", "datetime", "pattern", "Input"))


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Settings().model = "codeformer"


def test_a_models_own_default_weight_holds_until_another_is_chosen():
    assert Settings().weight_of("codeformer") == 0.6
    assert Settings().weight_of("gfpgan-1.4") == 0.0
    assert parse({"weights": {"codeformer": 0.2}}, "x").weight_of("codeformer") == 0.2


def test_a_folder_overrides_model_weight_and_single_restoration_keys():
    raw = {
        "model": "codeformer",
        "restoration": {"upscale": 2, "mask": "parse"},
        "folders": [{**FOLDER, "model": "gfpgan-1.3", "weight": 0.25, "restoration": {"upscale": 4}}],
    }
    settings = parse(raw, "x")
    plan = settings.plan(settings.folders[0])
    assert (plan.model, plan.weight, plan.restoration.upscale, plan.restoration.mask) == (
        "gfpgan-1.3",
        0.25,
        4,
        "parse",
    )
    outside = settings.plan(None)
    assert (outside.model, outside.weight, outside.restoration.upscale) == ("codeformer", 0.6, 2)


def test_a_model_file_of_the_users_own_may_be_named():
    assert parse({"model": "my-faces"}, "x", own_models=["my-faces"]).model == "my-faces"
    with pytest.raises(BadSettings):
        parse({"model": "my-faces"}, "x")


def test_the_home_folder_may_be_abbreviated():
    folder = parse({"folders": [{"input": "~/in", "output": "~/out"}]}, "x").folders[0]
    assert folder.input == Path.home() / "in"


@pytest.mark.parametrize(
    ("paused", "at", "pausing"),
    [
        (True, None, True),
        (False, None, False),
        (datetime(2026, 1, 1, 12, tzinfo=timezone.utc), datetime(2026, 1, 1, 11, tzinfo=timezone.utc), True),
        (datetime(2026, 1, 1, 12, tzinfo=timezone.utc), datetime(2026, 1, 1, 13, tzinfo=timezone.utc), False),
    ],
)
def test_a_pause_may_have_an_end(paused, at, pausing):
    assert Settings(paused=paused).pausing(at) is pausing


@pytest.mark.parametrize("zone", [None, timezone.utc, timezone(timedelta(hours=14))])
@pytest.mark.parametrize(("year", "pausing"), [(1, False), (9999, True)])
def test_the_first_and_the_last_year_are_times_too(zone, year, pausing):
    until = datetime(year, 1, 1, tzinfo=zone)
    assert parse({"paused": until}, "config.toml").pausing() is pausing


def test_a_time_without_a_zone_is_the_users_own():
    soon = datetime.now() + timedelta(hours=1)  # noqa: DTZ005 - as the config file has it
    assert Settings(paused=soon).pausing()


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("model", "model"),
        ("quality", "output.quality"),
        ("upscale", "restoration.upscale"),
        ("device", "engine.device"),
        ("weights.codeformer", "weights.codeformer"),
        ("output.quality", "output.quality"),
    ],
)
def test_a_key_that_only_one_section_has_needs_no_section(short, full):
    assert full_key(short) == full


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(BadSettings, match='"quality"'):
        full_key("qualty")


def test_every_choice_of_how_a_photo_is_restored_is_an_option_of_restore_too():
    from facewatch.cli.restore_options import CHOICES

    options = {(section, key) for section, key, _, _ in CHOICES}
    for section, kind in SECTIONS.items():
        if section in {"restoration", "output"}:
            assert {(section, key) for key in keys_of(kind)} <= options


def test_the_detector_of_earlier_versions_means_its_successor():
    assert parse({"restoration": {"detector": "cascade"}}, "config").restoration.detector == "yunet"
