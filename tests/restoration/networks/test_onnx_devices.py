"""The device for ONNX files, chosen from the providers that an installed onnxruntime may have.

The other providers need their hardware: in their place the processor computes, under their names.
"""

from __future__ import annotations

import json

import pytest

from facewatch.engine import main as engine
from facewatch.errors import NoSuchDevice
from facewatch.restoration.networks import onnx_network
from tests.restoration.networks.test_onnx_network import darker, grey

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")

PROVIDERS = onnx_network.PROVIDERS


class Build:
    """A build of onnxruntime with a card's provider, whose driver may be missing."""

    def __init__(self, kind, *, starts=True):
        self.providers = [PROVIDERS[kind], PROVIDERS["cpu"]]
        self.starts = starts
        self.wanted = []
        self._session = onnxruntime.InferenceSession

    def session(self, data, options, providers):
        self.wanted.append(providers)
        made = self._session(data, options, providers=[PROVIDERS["cpu"]])
        started = [providers[0][0], PROVIDERS["cpu"]] if self.starts else [PROVIDERS["cpu"]]
        made.get_providers = lambda: started
        return made


@pytest.fixture
def install(monkeypatch):
    def build(kind, *, starts=True):
        made = Build(kind, starts=starts)
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: made.providers)
        monkeypatch.setattr(onnxruntime, "InferenceSession", made.session)
        return made

    return build


@pytest.mark.parametrize(
    ("kind", "torch_device", "used", "settings"),
    [
        ("cuda", "cuda:1", "cuda:1", {"device_id": "1"}),
        ("cuda", "cuda", "cuda", {}),
        ("mps", "mps", "mps", {}),
        ("directml", "cpu", "directml", {}),
        ("directml", "xpu", "directml", {}),
    ],
)
def test_a_card_is_chosen_where_the_build_has_its_provider(
    tmp_path, install, kind, torch_device, used, settings
):
    build = install(kind)
    assert onnx_network.computes_on("auto", torch_device) == used
    network = onnx_network.load(darker(tmp_path / "a.onnx"), "mine", torch_device)
    assert build.wanted == [[(PROVIDERS[kind], settings)]]
    assert network.device == used
    assert int(network.restore([grey(255)], 0.0)[0][0, 0, 0]) == 191


@pytest.mark.parametrize("kind", ["cuda", "mps", "directml"])
def test_without_its_driver_auto_computes_on_the_processor(tmp_path, install, kind):
    install(kind, starts=False)
    device = "cpu" if kind == "directml" else kind
    network = onnx_network.load(darker(tmp_path / "a.onnx"), "mine", device)
    assert network.device == "cpu"
    if kind == "directml":
        return
    with pytest.raises(NoSuchDevice, match=f"could not start on {kind} and took CPUExecutionProvider"):
        onnx_network.load(darker(tmp_path / "a.onnx"), "mine", kind, requested=kind)


@pytest.mark.parametrize(
    ("wish", "said"),
    [("cpu", {"onnx": "cpu", "onnx_problem": ""}), ("auto", {"onnx": "directml", "onnx_problem": ""})],
)
def test_the_probe_says_where_onnx_files_are_computed(install, monkeypatch, wish, said):
    from facewatch.restoration.networks import device

    monkeypatch.setattr(device, "choose", lambda _: "cpu")
    install("directml")
    (ready,) = probe(wish)
    assert {name: ready[name] for name in said} == said


def test_a_device_that_only_torch_has_is_a_problem_of_onnx_files_alone(install, monkeypatch):
    from facewatch.restoration.networks import device

    monkeypatch.setattr(device, "choose", lambda _: "cuda")
    monkeypatch.setattr(engine, "decide", lambda *_: ("float32", "float32"))
    install("directml")
    (ready,) = probe("cuda")
    assert (ready["device"], ready["onnx"]) == ("cuda", "")
    assert "cannot compute on cuda" in ready["onnx_problem"]


def probe(wish):
    """Return what the engine's probe answers, as its messages."""
    answers = []
    engine._answer_probe(wish, lambda message: answers.append(json.loads(engine.to_line(message))))
    return answers


def test_without_onnxruntime_the_probe_names_no_device(monkeypatch):
    monkeypatch.setattr(onnx_network.importlib.util, "find_spec", lambda _: None)
    assert not onnx_network.computes_on("auto", "cpu")
