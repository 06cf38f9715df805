from __future__ import annotations

import subprocess
import sys

import pytest

from facewatch.engine.memory import machine_bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to such a limit")

GREEDY = """
import io, sys
import facewatch.engine.restorer
from PIL import Image
from facewatch.engine.memory import limit_memory
from facewatch.errors import FacewatchError
from facewatch.restoration.codecs.decoder import decode

data = io.BytesIO()
Image.new("RGB", (11_000, 10_000)).save(data, sys.argv[1])
# What the process has now, and too little for the picture's 330 MB.
held = int(open("/proc/self/status").read().split("VmData:")[1].split()[0]) * 1024
assert limit_memory(held + 300_000_000) == held + 300_000_000
try:
    decode(data.getvalue(), 179_000_000)
except (MemoryError, FacewatchError) as error:
    print("refused", type(error).__name__)
small = io.BytesIO()
Image.new("RGB", (100, 100)).save(small, "PNG")
print(decode(small.getvalue(), 179_000_000).pixels.shape)
"""


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff"])
def test_a_picture_that_takes_too_much_is_an_error_and_the_next_one_is_read(kind):
    run = subprocess.run(
        [sys.executable, "-c", GREEDY, kind], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.stdout.splitlines() == ["refused MemoryError", "(100, 100, 3)"], run.stderr
    assert run.returncode == 0


def test_the_limit_is_a_share_of_what_there_is():
    code = (
        "from facewatch.engine.memory import SHARE, limit_memory, machine_bytes\n"
        "assert limit_memory() == int(machine_bytes() * SHARE)\n"
        "assert limit_memory(1 << 60) == 1 << 60"  # it may be raised again: the hard limit stays
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_container_has_what_it_was_given(tmp_path):
    memory, cgroup = tmp_path / "meminfo", tmp_path / "memory.max"
    memory.write_text("MemTotal:       16000000 kB\nMemFree:  1 kB\n", "ascii")
    assert machine_bytes(memory, cgroup) == 16_000_000 * 1024
    cgroup.write_text("max\n", "ascii")
    assert machine_bytes(memory, cgroup) == 16_000_000 * 1024
    cgroup.write_text("1000000\n", "ascii")
    assert machine_bytes(memory, cgroup) == 1_000_000
