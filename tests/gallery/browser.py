"""A real Chromium, driven over WebDriver, and the process of a gallery."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from facewatch.state.instance import running_pid
from facewatch.system.paths import Places

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 180.0  # at most: a busy machine starts a browser slowly


def axe_script() -> str:
    """Return axe-core, which checks a page's accessibility."""
    import axe_selenium_python

    package = Path(axe_selenium_python.__file__).parent
    return next(package.rglob("axe.min.js")).read_text("utf-8")


@contextmanager
def chromium(
    *, language: str = "en", dark: bool = True, size: tuple[int, int] = (1280, 800)
) -> Iterator[Any]:
    """Yield a browser window; skip the test where there is no Chromium."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium with its driver: install the packages chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
    for flag in (*flags, f"--accept-lang={language}", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    window = webdriver.Chrome(options=options, service=Service(driver))
    try:
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        yield window
    finally:
        window.quit()


class GalleryProcess:
    """`facewatch gallery` of one home folder."""

    def __init__(self, places: Places, **environment: str) -> None:
        self.places = places
        self.environment = {**os.environ, "FACEWATCH_HOME": str(places.config.parent), **environment}
        self.process = self._start()
        self.address = self.process.stdout.readline().strip()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "facewatch", "gallery", "--no-browser"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self.environment)

    def another_address(self) -> str:
        """Return a fresh address of the running gallery, from a second command."""
        run = self._start()
        address = run.communicate(timeout=SECONDS)[0].strip()
        assert run.returncode == 0
        return address

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=SECONDS)


def stop_daemon(places: Places) -> None:
    """End the daemon of a home folder, if one runs."""
    if (pid := running_pid(places)) is not None:
        process = psutil.Process(pid)
        process.terminate()
        process.wait(30)


class Page:
    """A window that looks at the gallery."""

    def __init__(self, window: Any, address: str) -> None:
        self.window = window
        window.get(address)
        self.wait(lambda: self.run("return document.documentElement.dataset.root"), "the first page")
        self.root = self.run("return location.origin + document.documentElement.dataset.root")

    def go(self, path: str) -> None:
        self.window.get(f"{self.root}/{path}")

    def run(self, script: str, *arguments: object) -> Any:
        return self.window.execute_script(script, *arguments)

    def ask(self, path: str) -> Any:
        """Return the answer of the gallery's own interface."""
        script = (
            "const [url, done] = arguments; fetch(url).then(it => it.json()).then(done, () => done(null))"
        )
        return self.window.execute_async_script(script, f"{self.root}/api/{path}")

    def find(self, selector: str) -> Any:
        from selenium.webdriver.common.by import By

        return self.window.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[Any]:
        from selenium.webdriver.common.by import By

        return self.window.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        found = self.run("return document.querySelector(arguments[0])?.innerText", selector)
        return found or ""

    def click(self, selector: str) -> None:
        element = self.find(selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def press(self, keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.window).send_keys(keys).perform()

    def slide(self, selector: str, value: float) -> None:
        script = "const [it, value] = arguments; it.value = value; it.dispatchEvent(new Event('input'))"
        self.run(script, self.find(selector), value)

    def drop(self, *paths: Path) -> None:
        """Drag files and folders from the desktop onto the page and drop them."""
        self.settled()  # the page listens by then
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            event = {"type": kind, "x": 300, "y": 300, "data": data}
            self.window.execute_cdp_cmd("Input.dispatchDragEvent", event)

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            if found := condition():
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for {what}: {self.text('body')[:600]}")
            time.sleep(0.1)

    def settled(self) -> None:
        """Wait until every picture in sight has come or failed."""
        script = (
            "return document.readyState === 'complete' && "
            "[...document.images].every(it => it.complete || !it.getAttribute('src'))"
        )
        self.wait(lambda: self.run(script), "the pictures")

    def complaints(self) -> list[str]:
        """Return what the browser complained about, but for pictures that cannot be shown."""
        return [
            entry["message"]
            for entry in self.window.get_log("browser")
            if entry["level"] == "SEVERE"
            and "favicon" not in entry["message"]
            and "404" not in entry["message"]
        ]

    def axe(self, script: str) -> list[str]:
        """Return the serious faults in accessibility, each with the elements that have it."""
        self.run(script)
        run = "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(done)"
        found = self.window.execute_async_script(run)["violations"]
        return [
            f"{it['id']} ({it['impact']}): {[node['html'][:120] for node in it['nodes'][:4]]}"
            for it in found
            if it["impact"] in {"serious", "critical"}
        ]
