"""What comes before the first photo: each repetition is a new process, whose making ready is what counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from facewatch.cli.bench.case import Case
from facewatch.cli.bench.memory import forget_peak, peak_bytes, resident_bytes
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import Repetition
from facewatch.restoration.options import Setup

Made = tuple[Repetition, Mapping[str, Any]]


def engine(case: Case, watch: Stopwatch) -> Made:
    """Our engine: import and load, for a network and the detector it has on this device."""
    on_cpu = case.device == "cpu"
    model, detector = "gfpgan-1.4", "retinaface-mobilenet" if on_cpu else "retinaface-resnet50"
    with watch.stage("import"):
        from facewatch.engine.restorer import Restorer
        from facewatch.restoration.networks.torch_imports import import_torchvision

        import_torchvision()
        from facewatch.restoration.detection import retinaface as _detector  # noqa: F401
    before, clean = resident_bytes(), forget_peak()
    setup = Setup(
        model=model,
        detector=detector,
        detector_network="mobilenet" if on_cpu else "resnet50",
        parser=None,
        upscaler=None,
        device=case.device,
        detect_size=None,
        detect_threshold=0.9,
        files={name: case.models[name] for name in (model, detector)},
    )
    with watch.stage("load"):
        restorer = Restorer.load(setup, case.device)
    grown = (peak_bytes() - before) / case.model(model).stat().st_size
    held = {"loaded": type(restorer).__name__}
    return lambda: held, {"times_the_file": round(grown, 2)} if clean and on_cpu else {}


def bare(case: Case, watch: Stopwatch) -> Made:
    """The least that any flow does: torch imported, the checkpoint read."""
    with watch.stage("import"):
        import torch
    with watch.stage("load"):
        torch.load(case.model("gfpgan-1.4"), map_location=case.device, weights_only=True)
    return lambda: None, {}


def gfpgan(case: Case, watch: Stopwatch) -> Made:
    """gfpgan: its import, its restorer, its detector and its parser."""
    from facewatch.cli.bench.reference import gfpganer

    del watch
    gfpganer(case)
    return lambda: None, {}
