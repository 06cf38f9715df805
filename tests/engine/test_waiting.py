"""Waiting threads on quiet and on busy machines."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from facewatch.engine.waiting import BUSY, SPINS, sleep_soon

LOADED_LATE = """
import sys
from facewatch.engine import main, waiting
assert "torch" not in sys.modules and "libgomp" not in open("/proc/self/maps").read()
"""


@pytest.mark.parametrize(
    ("load", "policy"), [(0.0, None), (BUSY - 0.01, None), (BUSY, "passive"), (1.0, "passive")]
)
def test_threads_spin_for_a_moment_and_not_at_all_where_others_use_the_processor(load, policy):
    variables = {"PATH": "/bin"}
    sleep_soon(lambda: load, variables)
    assert variables.get("OMP_WAIT_POLICY") == policy
    assert variables["GOMP_SPINCOUNT"] == SPINS


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_the_users_own_setting_remains(name):
    variables = {name: "active"}
    sleep_soon(lambda: 1.0, variables)
    assert variables == {name: "active"}


def test_the_load_of_this_machine_is_a_share(monkeypatch):
    readings = iter((0.0, 80.0))  # since the last reading, as psutil counts
    monkeypatch.setattr("psutil.cpu_percent", lambda _: next(readings))
    variables: dict[str, str] = {}
    sleep_soon(environment=variables)
    assert variables == {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": SPINS}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_openmp_is_not_loaded_before_the_engine_decides():
    subprocess.run(
        [sys.executable, "-c", LOADED_LATE], check=True, env={**os.environ, "PYTHONSAFEPATH": ""}, timeout=120
    )
