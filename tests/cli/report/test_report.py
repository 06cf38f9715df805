from __future__ import annotations

import json
import zipfile
from datetime import datetime, timezone
from pathlib import Path

import pytest

from facewatch.cli.doctor.types import Finding
from facewatch.cli.report.report import default_name, write_report
from facewatch.errors import CannotWrite
from facewatch.state.alerts import Alerts
from facewatch.state.ledger import Ledger
from facewatch.system.paths import Places
from tests.daemon_process import DaemonProcess
from tests.portrait import portrait_bytes
from tests.tray import photos

SECRETS = ("Anna", "Müller", "Geheim", "wedding")


def findings(places):
    return [Finding("config", "ok", str(places.config)), Finding("output", "fix", f"{places.state} is full")]


@pytest.fixture
def places(tmp_path):
    """An installation with a past, full of names."""
    places = Places.under(tmp_path / "Anna home")
    inbox, output = tmp_path / "Anna Müller" / "in", tmp_path / "Geheim out"
    for folder in (inbox, output, places.logs, places.state, places.models):
        folder.mkdir(parents=True)
    (places.models / "geheim-model.pth").write_bytes(b"x")
    places.config.write_text(
        '# for Anna\nmodel = "builtin"\nmodel_mirror = "https://Anna:Geheim@example.org/models"\n'
        f"[[folders]]\ninput = '{inbox}'\noutput = '{output}'\nexclude = ['Anna/*']\n"
        '[output]\nsuffix = "-Anna"\n',
        "utf-8",
    )
    ledger = Ledger.open(places.ledger)
    for name in ("wedding of Anna.jpg", "Müller: a -> b.png", "Geheim.jpg"):
        photos.queue(ledger, inbox / name)
    photos.finish(ledger, inbox / "Geheim.jpg", output / "Geheim.jpg")
    photos.fail(ledger, inbox / "wedding of Anna.jpg", f"cannot write {output}/Geheim/x: Permission denied")
    alerts = Alerts(ledger, now=lambda: 1_700_000_000.0)
    alerts.record_incident(f"the folder {inbox} was offline and is back")
    alerts.raise_alert(f"folder {output}", "copies cannot be written")
    ledger.close()
    head = "2026-03-04 10:00:00,123 WARNING facewatch.worker: "
    lines = [
        f"{head}{inbox}/wedding of Anna.jpg: no photo [failed]",
        f"{head}{inbox}/Müller: a -> b.png: bad",
    ]
    places.log.write_text("\n".join(lines) + "\n", "utf-8")
    Path(f"{places.log}.1").write_text(f"{head}/mnt/Anna/Geheim.jpg is gone\n", "utf-8")
    (places.logs / "tray.log").write_text(f"{head}'Anna.jpg failed' could not be shown\n", "utf-8")
    return places


def unpacked(file: Path) -> dict[str, str]:
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


def test_the_report_holds_the_figures_and_no_names(places, tmp_path):
    report = write_report(places, tmp_path / "r.zip", look=findings)
    texts = unpacked(report.file)
    assert set(texts) == {
        "versions.json", "doctor.json", "incidents.json", "ledger.json", "config.json", "contents.txt",
        "logs/facewatch.log", "logs/facewatch.log.1", "logs/tray.log",
    }  # fmt: skip
    assert {name for name, _ in report.contents} == set(texts) - {"contents.txt"}
    for name, text in texts.items():
        for secret in (*SECRETS, str(tmp_path), str(Path.home())):
            assert secret.lower() not in text.lower(), f"{secret} in {name}: {text}"
    assert texts["logs/facewatch.log"].count("folder-1/") == 2
    assert ".jpg: no photo [failed]" in texts["logs/facewatch.log"]
    figures = json.loads(texts["ledger.json"])
    assert (figures["photos"]["done"], figures["photos"]["queued"]) == (1, 1)
    assert sum(figures["errors"].values()) == 1
    (failed,) = figures["failed"]
    assert "output-1" in failed["reason"]
    (incident,) = json.loads(texts["incidents.json"])
    assert incident == {"when": 1_700_000_000.0, "what": "the folder folder-1 was offline and is back"}
    chosen = json.loads(texts["config.json"])
    assert chosen["folders"][0]["input"] == "folder-1"
    assert json.loads(texts["versions.json"])["packages"]["torch"]


def test_a_suffix_that_may_be_a_part_of_a_name_is_other(places, tmp_path):
    ledger = Ledger.open(places.ledger)
    photos.queue(ledger, tmp_path / "Anna Müller/in/2019.Geheim wedding")  # a photo without a suffix
    counts = {".mp4": 2, ".geheim wedding": 1, ".anna": 3}
    ledger.note("watching", {"problems": [], "passed_over": counts})
    ledger.close()
    texts = unpacked(write_report(places, tmp_path / "r.zip", look=findings).file)
    figures = json.loads(texts["ledger.json"])
    assert figures["facts"]["watching"]["passed_over"] == {".mp4": 2, "other": 4}
    assert not [secret for secret in SECRETS if secret.lower() in texts["ledger.json"].lower()]


def test_with_names_everything_is_unchanged_except_logins(places, tmp_path):
    texts = unpacked(write_report(places, tmp_path / "r.zip", with_names=True, look=findings).file)
    assert texts["config.toml"].startswith("# for Anna\n")
    assert "https://example.org/models" in texts["config.toml"]
    assert "wedding of Anna.jpg: no photo" in texts["logs/facewatch.log"]


def test_an_earlier_report_is_never_replaced(places, tmp_path):
    (tmp_path / "r.zip").write_bytes(b"mine")
    report = write_report(places, tmp_path / "r.zip", look=findings)
    assert (tmp_path / "r.zip").read_bytes() == b"mine"
    assert report.file == tmp_path / "r (2).zip"
    assert not list(tmp_path.glob(".facewatch-*"))


def test_nothing_is_left_if_the_report_cannot_be_written(places, tmp_path):
    with pytest.raises(CannotWrite, match="nowhere"):
        write_report(places, tmp_path / "nowhere" / "r.zip", look=findings)
    assert not list(tmp_path.rglob("*.zip"))


def test_a_broken_installation_can_be_reported_too(places, tmp_path):
    places.ledger.write_bytes(b"no database, though as long as one" * 99)
    places.config.write_text("model = 'Anna", "utf-8")
    texts = unpacked(write_report(places, tmp_path / "r.zip", look=findings).file)
    assert "damaged" in json.loads(texts["ledger.json"])["trouble"]
    assert "cannot be read" in json.loads(texts["config.json"])["trouble"]
    assert not [secret for secret in SECRETS for text in texts.values() if secret in text]
    empty = Places.under(tmp_path / "empty")
    assert "versions.json" in unpacked(write_report(empty, tmp_path / "e.zip", look=findings).file)


def test_the_default_name_holds_the_time():
    assert default_name(datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc)) == (
        "facewatch-report-20260304-050607.zip"
    )


def test_the_command_reports_on_a_daemon_that_has_worked(tmp_path):
    daemon = DaemonProcess(tmp_path / "Geheim")
    portrait = portrait_bytes()
    (daemon.inbox / "wedding").mkdir()
    (daemon.inbox / "wedding" / "Anna & Bob.jpg").write_bytes(portrait)
    (daemon.inbox / "Müller\nAnna.jpg").write_bytes(b"these are words, not a photo" * 40)
    assert daemon.command("run", "--no-tray", "--once").returncode == 1
    ran = daemon.command("report", "-o", str(tmp_path / "r.zip"))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[0] == str(tmp_path / "r.zip")
    assert "doctor.json: what `facewatch doctor` found" in ran.stdout
    texts = unpacked(tmp_path / "r.zip")
    assert not [name for name in texts if name.endswith((".jpg", ".png"))]
    for name, text in texts.items():
        for secret in (*SECRETS, "Bob", str(tmp_path)):
            assert secret not in text, f"{secret} in {name}: {text}"
    log = texts["logs/facewatch.log"]
    assert "of 1 face" in log
    assert "[failed]" in log


def test_no_text_of_a_report_holds_commands_for_a_terminal(places, tmp_path):
    places.logs.mkdir(parents=True, exist_ok=True)
    places.log.write_bytes("2026 INFO a: \x1b[2J\u202egpj.exe\x9b2J\n".encode())
    written = write_report(places, tmp_path / "hostile.zip", with_names=True, look=lambda _: [])
    with zipfile.ZipFile(written.file) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert "gpj.exe" in texts["logs/facewatch.log"]
    for text in texts.values():
        assert not any(sign in text for sign in "\x1b\x9b\u202e")
