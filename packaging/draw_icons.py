"""The script that draws the icons of `packaging/icons`: `python packaging/draw_icons.py`."""

from __future__ import annotations

from pathlib import Path

from facewatch.tray.icon import LOOKS, Picture, draw, svg

FOLDER = Path(__file__).parent / "icons"
APP_SIDES = (16, 24, 32, 48, 64, 128, 256)


def main() -> None:
    """Write an SVG and a PNG for each status, and the program's icon in all sizes."""
    for look in LOOKS.values():
        picture = Picture(look, 3 if look == "working" else 0)
        (FOLDER / f"facewatch-{look}.svg").write_text(svg(picture), "utf-8")
        draw(picture).save(FOLDER / f"facewatch-{look}.png", optimize=True)
    app = Picture("idle")
    (FOLDER / "facewatch.svg").write_text(svg(app), "utf-8")
    draw(app, 256).save(FOLDER / "facewatch.png", optimize=True)
    draw(app, 256).save(FOLDER / "facewatch.ico", sizes=[(side, side) for side in APP_SIDES])


if __name__ == "__main__":
    main()
