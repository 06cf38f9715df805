"""Replace the engine's process: behave, or misbehave, as the photo's name says."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path

REFUSALS = {
    "cut": ("TruncatedPhoto", "the file ends early"),
    "share": ("Unreadable", "the share is away"),
    "device": ("DeviceFailed", "the card fell off the bus"),
    "memory": ("OutOfMemory", "not one face fits"),
    "own": ("OwnOutput", "ours"),
}


def say(kind: str, **fields: object) -> None:
    print(json.dumps({"kind": kind, **fields}), flush=True)


def main() -> None:
    setup = json.loads(sys.stdin.readline())
    if setup["model"] == "broken":
        say("RestoreFailure", number=0, error="BadCheckpoint", message="the file is torn")
        return
    if setup["model"] == "unloadable":
        say("RestoreFailure", number=0, error="OutOfMemory", message="no room for it")
        return
    say("Ready", device="a test device", window=int(sys.argv[1]) if sys.argv[1:] else 1)
    for line in sys.stdin:
        job = json.loads(line)
        answer(job, Path(job["source"]))


def is_whole(copy: str) -> bool:
    return not Path(copy).read_bytes().endswith(b"cut off")


def answer(job: dict, source: Path) -> None:
    number = job["number"]
    name = source.stem.split("-")[0]
    if name == "once":  # fails in the way and at the photo that its name says, the first time only
        _, way, which, mine = source.stem.split("-")
        mark = Path(job["output_folder"]) / ".failed"
        if which == mine and not mark.exists():
            mark.touch()
            name = way
    if name == "crash":
        print("out of luck", file=sys.stderr, flush=True)
        os._exit(7)
    if name == "hang":
        time.sleep(600)
    if name == "slow":
        for done in range(3):
            time.sleep(0.3)
            say("Progress", number=number, done=done, total=3, what="faces")
    if name in REFUSALS:
        error, message = REFUSALS[name]
        say("RestoreFailure", number=number, error=error, message=message)
        return
    whole = next((copy for copy in job.get("existing", []) if is_whole(copy)), None)
    if whole is not None:
        digest = hashlib.sha256(Path(whole).read_bytes()).hexdigest()
        about = {"temporary": None, "sha256": digest, "suffix": source.suffix, "faces": [], "seconds": 0.01}
        say("RestoreResult", number=number, adopted=whole, **about)
        return
    temporary, digest, faces = None, None, []
    if name != "nobody":
        tail = f" with weight {job['weight']}" if job["weight"] else ""
        data = b"restored " + source.read_bytes() + tail.encode()
        temporary = (
            Path(job["output_folder"]) / f".facewatch-{os.getpid()}-{number}-{time.monotonic_ns()}.tmp"
        )
        temporary.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        faces = [{"box": [0, 0, 9, 9], "score": 1.0, "fate": "restored", "reason": "", "measures": {}}]
    say(
        "RestoreResult", number=number, temporary=temporary and str(temporary), sha256=digest,
        suffix=source.suffix, faces=faces, seconds=0.01, extras=[],
    )  # fmt: skip


if __name__ == "__main__":
    main()
