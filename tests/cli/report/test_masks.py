from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewatch.cli.report.masks import Masks, without_logins
from facewatch.system.text import one_line

ROOTS = {"/data/in": "folder-1", "/data/in restored": "output-1", "/home/anna": "home"}
PROGRAM = {"/home/anna/.venv/lib/python3.11/site-packages": "<packages>"}
HEAD = "2026-03-04 10:00:00,123 WARNING facewatch.worker: "


@pytest.fixture
def masks():
    return Masks(ROOTS, program=PROGRAM, names={"aunt-clara": "own-model-1"}, public_hosts={"example.org"})


@pytest.mark.parametrize(
    "address",
    [
        "https://nas.example/fw/?token=SECRET",
        "https://nas.example/SECRET/fw/",
        "https://me:p@SECRET@nas.example/",
        "http://me:SECRET@nas.example",
        "https://nas.example#SECRET",
        "https://github.com/nas.example?token=SECRET",
    ],
)
def test_of_the_users_own_mirror_only_the_host_is_shown(address):
    masks = Masks({}, public_hosts={"github.com"})
    shouted = address.replace("nas.example", "NAS.example:443").replace("https", "HTTPS")
    for line in (f"{HEAD}{address}: no answer", f'model_mirror = "{address}"', f"see {shouted}"):
        masked = masks.line(line)
        assert "SECRET" not in masked
        assert "nas.example" in masked.lower()


@pytest.mark.parametrize(
    "name",
    [
        "Anna.jpg",
        "Anna Smith.JPG",
        "Anna: Smith.png",
        "Anna -> Smith.jpg",
        "Anna/Smith Anna/Anna's Smith.jpeg",
        'Anna "Smith".webp',
        "Anna\nSmith.jpg",
        "Änna 写真 Smith.heic",
        "/Anna.jpg: /Smith.jpg",
    ],
)
@pytest.mark.parametrize(
    "line",
    [
        "{}: no photo [failed]",
        "{} -> /data/in restored/{}: 1 of 1 face restored",
        "the photo '{}' cannot be read: Permission denied",
        'FileNotFoundError: [Errno 2] No such file or directory: "{}"',
        "redo: {} lies in no watched folder",
    ],
)
@pytest.mark.parametrize("folder", ["/data/in/", "/mnt/Smith/", "/home/anna/", "C:\\Users\\Smith\\", ""])
@pytest.mark.parametrize("known", [False, True])
def test_no_part_of_a_name_is_left(name, line, folder, known):
    path = folder + name
    masks = Masks(ROOTS, photos=[path, "/data/in restored/" + name] if known else [])
    masked = masks.line(HEAD + one_line(line.replace("{}", path, 1).replace("{}", name)))
    assert masked.startswith(HEAD)
    for part in ("Anna", "Smith", "Änna", "写真", "anna"):
        assert part not in masked, masked


@pytest.mark.parametrize(
    "text",
    [
        "cannot copy the sidecar Anna Smith.xmp of /data/in/a.jpg: it is too large",
        "cannot copy the sidecar Anna.jpg.supplemental-metadata.json of /data/in/a.jpg: no",
        "the sidecar Smith.JSON, which cannot be copied (Permission denied); copy it by hand",
        "//nas/Anna/Smith: cannot be read",
        "//nas/Anna: is missing",
        "~anna/Smith: is missing",
        "the folder '~anna/Smith' is missing",
        "$HOME/Anna: is missing",
        "${ANNA}/Anna: is missing",
        "%USERPROFILE%\\Anna: is missing",
        "c:\\users\\anna\\Smith: is missing",
        "C:/Users/Anna/Smith: is missing",
        "\\\\?\\C:\\Users\\Anna: is missing",
        "/HOME/ANNA: is missing",
        "cannot write /data/out/An\nna/Smith/.facewatch-1.tmp: Permission denied",
    ],
)
def test_no_name_is_left_in_rarer_words(masks, text):
    masked = str(masks.masked({"reason": text}))
    for part in ("anna", "smith", "\nna"):
        assert part not in masked.lower(), masked


def test_other_words_are_kept(masks):
    masked = masks.line(HEAD + "/data/in/Anna.jpg -> /data/in restored/Anna.jpg: 1 of 2 faces restored")
    assert masked.startswith(HEAD + "folder-1/")
    assert masked.endswith(".jpg: 1 of 2 faces restored")
    assert " -> output-1/" in masked
    assert masks.line("engine 12 ready: gfpgan-1.4 on cpu (2 threads)").endswith("on cpu (2 threads)")
    assert masks.line("/data/in: cannot be read") == "folder-1: cannot be read"
    assert masks.line("/data/in restored (12 GB free)") == "output-1 (12 GB free)"
    assert masks.line("see https://example.org/a/b.html, 1/2 and/or 3") == (
        "see https://example.org/a/b.html, 1/2 and/or 3"
    )


def test_a_known_photo_ends_where_its_name_ends():
    masks = Masks(ROOTS, photos=["/data/in/a.jpg"])
    masked = masks.line("/data/in/a.jpg: not like Zoe.jpg: /data/in/c.jpg: no")
    assert masked.count("folder-1/") == 2
    assert masked.endswith(".jpg: no")
    assert "Zoe" not in masked  # a photo's suffix without a path is somebody's name


def test_the_same_name_has_the_same_mask_in_one_report_only(masks):
    line = "/data/in/Anna.jpg: gone"
    assert masks.line(line) == masks.line(line) != masks.line("/data/in/Bob.jpg: gone")
    assert Masks(ROOTS).line(line) != masks.line(line)


def test_our_own_files_keep_their_places(masks):
    frame = '  File "/home/anna/.venv/lib/python3.11/site-packages/facewatch/worker.py", line 12, in run'
    assert masks.line(frame) == '  File "<packages>/facewatch/worker.py", line 12, in run'


def test_own_models_and_logins_go_too(masks):
    assert masks.line("engine 12 ready: aunt-clara on cpu") == "engine 12 ready: own-model-1 on cpu"
    assert masks.line("from https://anna:secret@example.org/x") == "from https://example.org/x"
    assert without_logins("https://anna:secret@example.org/x") == "https://example.org/x"


def test_plain_data_is_masked_all_through(masks):
    data = {"/data/in/x": [{"path": "/data/in/Anna.jpg", "n": 1}], "ok": None}
    masked = masks.masked(data)
    assert "Anna" not in str(masked)
    assert "/data" not in str(masked)
    assert next(iter(masked.values()))[0]["n"] == 1


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\\"), min_size=1, max_size=30))
def test_no_name_at_all_gets_through(name):
    masks = Masks(ROOTS)
    secret = f"Xq{name}Zk"
    masked = masks.line(HEAD + one_line(f"/data/in/{secret}/{secret}.jpg: no photo"))
    assert "Xq" not in masked
    assert "Zk" not in masked
