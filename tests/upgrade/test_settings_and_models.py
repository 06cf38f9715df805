"""The settings, the answers and the model files that version 0.1.0 left are taken up as they are."""

from __future__ import annotations

import json
import socket

from tests.upgrade.installation import Installation, includes


def test_every_setting_is_read_as_it_was(earlier):
    now = json.loads(earlier.command("config", "show", "--json"))
    assert includes(now, earlier.expected("settings"))


def test_every_key_is_there_with_the_default_it_had(tmp_path):
    nothing_set = Installation(tmp_path)
    now = json.loads(nothing_set.command("config", "show", "--json"))
    expected = nothing_set.expected("defaults")
    assert (
        expected["engine"].pop("max_megapixels") == 179
    )  # the limit follows the machine's memory since then
    assert now["engine"]["max_megapixels"] == "auto"
    assert includes(now, expected)


def test_a_changed_setting_leaves_every_other_line_and_comment_alone(earlier):
    config = earlier.home / "config.toml"
    before = config.read_text("utf-8").splitlines()
    earlier.command("set", "quality", "40")
    after = config.read_text("utf-8").splitlines()
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        (
            "quality = 30                # the disk is small",
            "quality = 40                # the disk is small",
        )
    ]


def test_models_keep_their_digests_words_of_trust_and_links(earlier):
    listed = {row["name"]: row for row in json.loads(earlier.command("models", "list", "--json"))}
    expected = earlier.expected("models")
    del expected["cascade"]  # yunet takes its place, also where the settings name it
    assert includes(listed, expected)


def test_an_accepted_licence_is_not_asked_for_again_and_the_others_are(earlier):
    file = earlier.home / "nets" / "licences.json"
    before = json.loads(file.read_text("utf-8"))
    said = earlier.command("models", "accept", "gfpgan-1.3", "codeformer")
    assert "nothing to accept" in said.splitlines()[0]
    now = json.loads(file.read_text("utf-8"))
    assert includes(now, before)
    assert {name: now[name]["asked_for"] for name in now.keys() - before.keys()} == {
        "S-Lab License 1.0": "codeformer"
    }


def test_a_download_that_was_cut_off_goes_on_where_it_ended(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        mirror = f"http://127.0.0.1:{server.getsockname()[1]}/nets"
        earlier = Installation.of_version_0_1_0(tmp_path / "home", mirror=mirror)
        with earlier.start("models", "pull", "gfpgan-1.4") as pull:
            try:
                asked = first_request(server)
            finally:
                pull.kill()
    assert asked.startswith("get /nets/gfpganv1.4.pth ")
    assert "range: bytes=1024-" in asked.splitlines()
    assert 'if-range: "5f1a-gfpgan"' in asked.splitlines()
    assert (earlier.home / "nets" / "GFPGANv1.4.pth.part").stat().st_size == 1024


def first_request(server):
    connection = server.accept()[0]
    with connection:
        connection.settimeout(60)
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += connection.recv(4096)
    return heard.decode("ascii").lower()
