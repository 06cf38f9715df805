"""Autostart and security.

desktop-file-validate, Gio and systemd read entries for programs at odd paths; the daemon meets decompression
bombs, a pickled checkpoint, a checkpoint with a wrong hash, and a link in the output folder.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from facewatch.models.catalogue import BY_NAME
from facewatch.state.ledger import LedgerView
from facewatch.system.autostart import Login
from facewatch.system.autostart.systemd import UserUnit
from facewatch.system.autostart.xdg import DesktopEntry
from tests.faults.requirements import require
from tests.portrait import portrait_bytes
from tests.recording_program import ODD_NAMES, program_at, recorded

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
GENERATOR = Path("/usr/lib/systemd/user-generators/systemd-xdg-autostart-generator")
LAUNCH = """if True:
    import sys
    from gi.repository import Gio
    info = Gio.DesktopAppInfo.new_from_filename(sys.argv[1])
    assert info is not None, "Gio rejects the entry"
    info.launch([], None)
"""
MOST_BYTES = 200_000_000


@linux_only
def test_gio_launches_the_entry_with_its_arguments(tmp_path, measured):
    pytest.importorskip("gi", reason="PyGObject is not installed")
    for number, name in enumerate(ODD_NAMES):
        record = tmp_path / f"record {number}"
        program = program_at(tmp_path / name)
        entry = DesktopEntry([str(program), "run", "--config", f"/c/{name}.toml"], tmp_path / str(number))
        unit = UserUnit([str(program), "run"], tmp_path / f"units {number}", lambda: None)
        for _ in range(2):
            Login(entry, unit).enable()
        assert len(list(entry.file.parent.iterdir())) == 1
        assert not unit.file.exists()
        environment = {**os.environ, "RECORD": str(record)}
        subprocess.run([sys.executable, "-c", LAUNCH, entry.place], env=environment, check=True, timeout=60)
        assert recorded(record) == [str(program), "run", "--config", f"/c/{name}.toml"]
    measured(
        f"Gio ran {len(ODD_NAMES)} of {len(ODD_NAMES)} odd paths, some with spaces; enabled twice, 1 entry"
    )


@linux_only
def test_desktop_file_validate_accepts_the_entry(tmp_path):
    require("desktop-file-validate")
    files = []
    for number, name in enumerate(ODD_NAMES):
        entry = DesktopEntry([str(program_at(tmp_path / name)), "run"], tmp_path / str(number))
        entry.enable()
        files.append(entry.place)
    run = subprocess.run(["desktop-file-validate", *files], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


@linux_only
def test_systemd_accepts_the_unit(tmp_path, measured):
    require("systemd-analyze")
    for number, name in enumerate(ODD_NAMES):
        folder = tmp_path / f"units {number}"
        unit = UserUnit([str(program_at(tmp_path / name)), "run"], folder, lambda: None)
        unit.enable()
        report = verify_unit(unit.place, tmp_path)
        assert "facewatch" not in report, report
        assert unit.link.resolve() == Path(unit.place)
    measured(f"systemd-analyze accepts {len(ODD_NAMES)} of {len(ODD_NAMES)} units")


@linux_only
def test_systemd_generates_a_unit_from_the_desktop_entry(tmp_path):
    require("systemd-analyze", str(GENERATOR))
    for number, name in enumerate(ODD_NAMES):
        home = tmp_path / str(number)
        program = program_at(tmp_path / name)
        DesktopEntry([str(program), "run"], home / "config" / "autostart").enable()
        out = [home / folder for folder in ("normal", "early", "late")]
        for folder in out:
            folder.mkdir()
        environment = {**os.environ, "XDG_CONFIG_HOME": str(home / "config"), "XDG_CONFIG_DIRS": str(home)}
        subprocess.run([str(GENERATOR), *map(str, out)], env=environment, check=True, timeout=60)
        (unit,) = home.glob("*/app-facewatch@autostart.service")
        report = verify_unit(str(unit), tmp_path)
        assert "ExecStart" not in report, report


def verify_unit(unit: str, runtime: Path) -> str:
    run = subprocess.run(
        ["systemd-analyze", "--user", "verify", unit],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)},
    )
    return run.stderr


@linux_only
@pytest.mark.timeout(240)
def test_bombs_are_refused_without_using_memory_and_output_links_are_not_followed(daemon, tmp_path, measured):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    daemon.output.mkdir()
    (daemon.output / "album").symlink_to(elsewhere, target_is_directory=True)
    portrait = portrait_bytes()
    (daemon.inbox / "good.jpg").write_bytes(portrait)
    daemon.write_settings(engine={"max_megapixels": 150})
    daemon.start()
    daemon.wait_for(lambda: daemon.outputs() == ["good.jpg"], "the good photo")
    engine = LedgerView(daemon.places.ledger).fact("engine")["pid"]
    before = memory_bytes(engine, "VmRSS")
    Path(f"/proc/{engine}/clear_refs").write_text("5", "ascii")  # reset the peak
    (daemon.inbox / "album").mkdir()
    (daemon.inbox / "album" / "a.jpg").write_bytes(portrait)
    for name, data in bombs().items():
        assert len(data) < 700_000
        (daemon.inbox / name).write_bytes(data)
    for name in bombs():
        daemon.wait_for(lambda name=name: daemon.state(name) == "parked", f"{name} to be parked")
        assert "megapixels" in LedgerView(daemon.places.ledger).photo(daemon.inbox / name).reason
    daemon.wait_for(lambda: daemon.state("album/a.jpg") in {"retry", "parked"}, "the link to be refused")
    assert "link" in LedgerView(daemon.places.ledger).photo(daemon.inbox / "album" / "a.jpg").reason
    assert list(elsewhere.iterdir()) == []
    assert LedgerView(daemon.places.ledger).fact("engine")["pid"] == engine
    rise = memory_bytes(engine, "VmHWM") - before
    assert rise < MOST_BYTES
    assert daemon.stop() == 0
    measured(
        f"{len(bombs())} bombs refused, memory rose by {max(rise, 0) / 1e6:.0f} MB; "
        "nothing written through the link"
    )


def memory_bytes(pid: int, field: str) -> int:
    """Return a process's resident memory (`VmRSS`) or its peak (`VmHWM`)."""
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(text.split(f"{field}:")[1].split()[0]) * 1024


def bombs() -> dict[str, bytes]:
    """Return small files that claim more pixels than the limit."""
    one_bit = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(one_bit, "PNG")
    fax = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(fax, "TIFF", compression="group4")
    jpeg = io.BytesIO()
    Image.new("L", (64, 64)).save(jpeg, "JPEG")
    frame = jpeg.getvalue().index(b"\xff\xc0")
    sides = struct.pack(">HH", 60_000, 60_000)
    return {
        "one bit.png": one_bit.getvalue(),
        "deep.png": deep_png(60_000, 60_000),
        "fax.tif": fax.getvalue(),
        "big.jpg": jpeg.getvalue()[: frame + 5] + sides + jpeg.getvalue()[frame + 9 :],
        "big.bmp": bmp(30_000, 30_000),
    }


def deep_png(width: int, height: int) -> bytes:
    """Return a PNG with three 16-bit channels, whose rows are 400 MB of zeros."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1_000_000)) for _ in range(400)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = (b"IHDR" + header, b"IDAT" + rows, b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    )


def bmp(width: int, height: int) -> bytes:
    """Return a BMP compressed with RLE8, whose runs fill far less than it claims."""
    runs = b"\xff\x00" * 10_000
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0)
    start = 14 + len(header) + 1024
    return b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + header + bytes(1024) + runs


class RunsCode:
    """A pickle that calls a function when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self._marker),)


def test_a_pickled_checkpoint_is_not_run_and_a_wrong_hash_is_not_loaded(daemon, tmp_path, measured):
    marker = tmp_path / "the pickle was run"
    daemon.places.models.mkdir()
    (daemon.places.models / "kind-model.pth").write_bytes(pickle.dumps({"params": RunsCode(marker)}))
    photo = daemon.inbox / "a.jpg"
    photo.write_bytes(portrait_bytes())
    command = ["restore", str(photo), "-o", str(daemon.output), "--detector", "yunet", "--identity", "warn"]
    command.append("--model")
    run = daemon.command(*command, "kind-model", timeout=280)
    assert run.returncode == 1
    assert "would run code when loaded" in run.stderr, run.stderr
    with (daemon.places.models / "RestoreFormer.pth").open("wb") as zeros:
        zeros.truncate(BY_NAME["restoreformer"].checkpoint.size_bytes)  # only its hash is wrong
    run = daemon.command(*command, "restoreformer", timeout=280)
    assert run.returncode == 1
    assert "restoreformer could not be downloaded" in run.stderr, run.stderr
    assert "restoreformer: corrupt" in daemon.command("models", "verify", "restoreformer").stdout
    assert not marker.exists()
    assert not daemon.output.exists() or daemon.outputs() == []
    measured("a pickled checkpoint and one with a wrong hash refused, no code in them run")
