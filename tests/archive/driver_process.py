"""A run in a process that can be killed: `python -m tests.archive.driver_process SOURCE DESTINATION`."""

from __future__ import annotations

import os
import secrets
import sys

from facewatch.archive.driver import Driver
from facewatch.archive.manifest import RUN_TIME, Manifest
from facewatch.archive.run import alone
from facewatch.archive.store import open_store
from tests.archive.conftest import plan_of
from tests.archive.thread_pool import ThreadPool


def main(source: str, destination: str) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    store = open_store(destination)
    time = Manifest(store, "").time_of_next_run()
    plan = plan_of(source, destination, run=f"{time:{RUN_TIME}}-{secrets.token_hex(3)}")
    manifest = Manifest(store, plan.run)
    pool = ThreadPool(plan, 2)
    with alone(store):
        done = manifest.done(plan.key)
        print("begins", flush=True)
        driver = Driver(plan, pool, manifest, open_store(source), done=done)
        driver.run()
        pool.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
