"""Print how the restorer does on the held-out faces, beside what else one could do.

`python -m training.evaluate WEIGHTS` reads a .safetensors file or a trainer's state.pt.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import spandrel
import torch

from facewatch.restoration.networks.builtin import Restorer
from training.degradations import CROP_SIZE, enlarge, to_pixels
from training.faces import Identity, Pixels
from training.ffdnet import FFDNet
from training.held_out import SELECTION, Case, cases
from training.losses import BOXES
from training.weights import load

Method = Callable[[Case, Pixels, Pixels], Pixels]
"""Takes a case, its small picture and the input enlarged to a crop; returns the crop restored."""

Found = dict[str, dict[str, list[list[float]]]]
"""For each level and method a row a face: PSNR, similarity by SFace, share of sharpness, distance by dlib."""

Witness = Callable[[Pixels, Pixels], float]
"""Takes the clean and another face; returns how far the person is, by a network that no loss has seen."""

_FALL = 0.02
_SHOWN = {5 * place: ("x4", "x6", "x8", "old scan x3")[place % 4] for place in range(12)}  # by face
_TONES = {"light (41 and more)": 41.0, "middle (10 to 41)": 10.0, "dark (below 10)": -181.0}  # least degrees


def restorer(network: Restorer) -> Method:
    """Return the network as a method."""

    def restore(case: Case, small: Pixels, given: Pixels) -> Pixels:
        del case, small
        return apply(network, given)

    return restore


def apply(network: Restorer, crop: Pixels) -> Pixels:
    """Restore one crop, (512, 512, 3) uint8 RGB."""
    with torch.inference_mode():
        restored = network(torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255)
    return np.asarray((restored[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())


def keep(case: Case, small: Pixels, given: Pixels) -> Pixels:
    """Return the input."""
    del case, small
    return given


def sharpen(case: Case, small: Pixels, given: Pixels) -> Pixels:
    """Enlarge by a bicubic and mask unsharply."""
    del given
    large = enlarge(small, cv2.INTER_CUBIC).astype(np.float32)
    return to_pixels(large + 0.6 * (large - cv2.GaussianBlur(large, (0, 0), 0.6 * case.reduction + 0.4)))


def denoise(case: Case, small: Pixels, given: Pixels) -> Pixels:
    """Denoise the small picture by non-local means, the strength known, and enlarge it by a bicubic."""
    del given
    strength = max(1.0, case.noise)
    clean = cv2.fastNlMeansDenoisingColored(np.ascontiguousarray(small), None, strength, strength, 5, 15)
    return enlarge(np.asarray(clean, np.uint8), cv2.INTER_CUBIC)


def upscaler(file: Path) -> Method:
    """Return a network that enlarges 4 times, such as Real-ESRGAN, as a method; a clean crop is halved."""
    network = spandrel.ModelLoader().load_from_file(file).eval()

    def restore(case: Case, small: Pixels, given: Pixels) -> Pixels:
        del given
        if case.reduction == 1:
            small = np.asarray(cv2.resize(small, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(small))
            large = network(pixels.permute(2, 0, 1)[None].float() / 255)
        found = to_pixels(255 * large[0].permute(1, 2, 0).numpy())
        return enlarge(found, cv2.INTER_AREA if len(found) > CROP_SIZE else cv2.INTER_CUBIC)

    return restore


def denoiser(file: Path) -> Method:
    """Return FFDNet, which knows the noise, and a bicubic enlargement as a method."""
    network = FFDNet(file)

    def restore(case: Case, small: Pixels, given: Pixels) -> Pixels:
        del given
        with torch.inference_mode():
            return enlarge(network(small, case.noise), cv2.INTER_CUBIC)

    return restore


def psnr(picture: Pixels, clean: Pixels) -> float:
    """Return the peak signal-to-noise ratio, dB, at most 60."""
    error = float(np.mean((picture.astype(np.float32) - clean) ** 2))
    return 60.0 if error < 0.065 else 10 * float(np.log10(255**2 / error))


def sharpness(picture: Pixels) -> npt.NDArray[np.float32]:
    """Return the mean gradient of the luma in each eye and the mouth."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    steps = np.hypot(cv2.Sobel(luma, -1, 1, 0, scale=1 / 8), cv2.Sobel(luma, -1, 0, 1, scale=1 / 8))
    return np.array([steps[y - v : y + v, x - h : x + h].mean() for x, y, h, v in BOXES], np.float32)


def measure(methods: dict[str, Method], chosen: list[Case], witness: Witness | None = None) -> Found:
    """Measure every face by every method, level by level."""
    identity = Identity()
    found: Found = {}
    for case in chosen:
        clean = case.clean()
        small = case.small(clean)
        given = enlarge(small, cv2.INTER_LINEAR)
        person, steps = identity.embed(clean), sharpness(clean)
        for name, method in methods.items():
            result = method(case, small, given)
            row = [
                psnr(result, clean),
                float(person @ identity.embed(result)),
                float((sharpness(result) / steps).mean()),
            ]
            if witness:
                row.append(witness(clean, result))
            found.setdefault(case.level, {}).setdefault(name, []).append(row)
    return found


def tone(face: Pixels) -> str:
    """Return the group of the skin's individual typology angle, taken between the eyes and the mouth."""
    lab = cv2.cvtColor(face[260:330, 190:320].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lightness, yellow = float(np.median(lab[:, :, 0])), float(np.median(lab[:, :, 2]))
    angle = np.degrees(np.arctan2(lightness - 50, yellow))
    return next(name for name, least in _TONES.items() if angle >= least)


def tones(found: Found, chosen: list[Case]) -> str:
    """Format what ours gains by skin tone, colour photos only."""
    lines = ["| skin tone | faces | level | PSNR | SFace |", "|---|---|---|---|---|"]
    for level in ("x2", "x4", "x8"):
        of_level = [case for case in chosen if case.level == level]
        groups = np.array([tone(case.clean()) for case in of_level])
        gains = np.array(found[level]["ours"]) - np.array(found[level]["input"])
        for name in _TONES:
            rows = gains[groups == name]
            if len(rows):
                means = rows.mean(0)
                lines.append(f"| {name} | {len(rows)} | {level} | {means[0]:+.2f} | {means[1]:+.4f} |")
    return "\n".join(lines)


def table(found: Found) -> str:
    """Format what was measured as Markdown; the falls are against the input."""
    lines = [
        "| level | method | PSNR | gain | lower | SFace | gain | falls > 0.02 | sharpness | dlib | gain |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for level, methods in found.items():
        given = np.array(methods["input"])
        for name, rows in methods.items():
            values = np.array(rows)
            change = values - given
            far = f"{values[:, 3].mean():.4f} | {0.0 - change[:, 3].mean():+.4f}" if len(rows[0]) > 3 else "|"
            lines.append(
                f"| {level} | {name} | {values[:, 0].mean():.2f} | {change[:, 0].mean():+.2f} "
                f"| {100 * (change[:, 0] < -0.005).mean():.0f} % | {values[:, 1].mean():.4f} "
                f"| {change[:, 1].mean():+.4f} | {100 * (change[:, 1] < -_FALL).mean():.0f} % "
                f"| {100 * values[:, 2].mean():.0f} % | {far} |"
            )
    return "\n".join(lines)


def sheet(network: Restorer, rows: list[list[Pixels]], file: Path) -> None:
    """Write rows of crops as one PNG: each input, what the network makes of it, and the other crops."""
    lines = [np.hstack([row[0], apply(network, row[0]), *row[1:]]) for row in rows]
    half = (len(lines) + 1) // 2
    lines += [np.zeros_like(lines[0])] * (2 * half - len(lines))
    picture = np.hstack([np.vstack(lines[:half]), np.vstack(lines[half:])])
    cv2.imwrite(str(file), picture[:, :, ::-1])


def _witness(folder: Path) -> Witness:
    from training.witness import Dlib  # only who asks for it needs dlib

    return Dlib(folder).distance


def main() -> None:
    """Read the options, measure, print, and write sheets."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("weights", type=Path)
    options.add_argument("--selection", action="store_true", help="the list to choose weights by")
    options.add_argument("--every", type=int, default=1, help="look at every nth face only")
    options.add_argument("--alone", action="store_true", help="leave the other methods out")
    options.add_argument(
        "--sheet", type=Path, help="write twelve inputs, results and clean faces to this PNG"
    )
    options.add_argument("--upscaler", type=Path, help="a checkpoint of Real-ESRGAN's to measure beside ours")
    options.add_argument("--denoiser", type=Path, help="FFDNet_color.mat, to measure FFDNet beside ours")
    options.add_argument("--witness", type=Path, help="folder of dlib's files (witness.py), for its columns")
    given = options.parse_args()
    network = load(given.weights)
    chosen = [
        case
        for case in (cases(SELECTION) if given.selection else cases())
        if case.seed // 100 % given.every == 0
    ]
    if given.sheet:
        shown = [c for c in cases() if c.level == _SHOWN.get(c.seed // 100)]
        sheet(network, [[c.worse(c.clean()), c.clean()] for c in shown], given.sheet)
    methods: dict[str, Method] = {"input": keep, "ours": restorer(network)}
    if not given.alone:
        methods |= {"bicubic and sharpening": sharpen, "OpenCV's denoiser": denoise}
    if given.denoiser:
        methods["FFDNet"] = denoiser(given.denoiser)
    if given.upscaler:
        methods["Real-ESRGAN"] = upscaler(given.upscaler)
    found = measure(methods, chosen, _witness(given.witness) if given.witness else None)
    sys.stdout.write(f"{table(found)}\n\n{tones(found, chosen)}\n")


if __name__ == "__main__":
    main()
