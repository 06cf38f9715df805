"""The tray's life: look, show, and carry out what was clicked; one thread, fed by a queue of clicks."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from facewatch.errors import FacewatchError
from facewatch.models.files import ModelFiles
from facewatch.settings.schema import Settings
from facewatch.settings.store import Store
from facewatch.state.instance import running_pid
from facewatch.state.requests import Request, put
from facewatch.state.status import Status, read_status
from facewatch.system.autostart import Login as LoginEntries
from facewatch.system.autostart import State as LoginState
from facewatch.system.paths import Places
from facewatch.system.processes import child_environment, facewatch_command
from facewatch.tray import menu_items, text
from facewatch.tray.icon import Picture, picture
from facewatch.tray.menu import menu
from facewatch.tray.menu_items import Menu
from facewatch.tray.notifications import Memory, Notification, notices
from facewatch.tray.opener import Opener
from facewatch.tray.view import Choice, View, unreadable

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.3  # a file edited by hand moves the ticks well within two seconds
CHOICES_SECONDS = 5.0  # how often the model files and the autostart entry are looked at
PROBLEM_SECONDS = 30.0  # how long a click that went wrong is shown
LoadCheckpoints = Callable[[Settings], ModelFiles]
_WAKE = object()


class Screen(Protocol):
    """What the app needs of the icon."""

    def show(self, picture: Picture, title: str, menu: Menu, /) -> None: ...

    def notify(self, notice: Notification, /) -> None: ...


class App:
    """Everything behind the icon."""

    def __init__(
        self,
        *,
        places: Places,
        store: Store,
        model_files: LoadCheckpoints,
        login: LoginEntries,
        hands: Opener,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._places = places
        self._store = store
        self._model_files = model_files
        self._login = login
        self._hands = hands
        self._clock = clock
        self._now = now
        self._clicks: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._beat: Callable[[], None] = _nothing
        self._leaving = False
        self._settings: Settings | None = None
        self._bad_edit = ""
        self._problem = ""
        self._problem_until = 0.0
        self._choices: tuple[Choice, ...] = ()
        self._login_state: LoginState = "off"
        self._looked_around_at = float("-inf")
        self._memory = Memory()
        self._shown: tuple[Picture, str, Menu] | None = None

    def click(self, action: menu_items.Action) -> None:
        """Take a click in, from any thread."""
        self._clicks.put(action)

    def leave(self) -> None:
        """End `run` soon, from any thread; the daemon runs on."""
        self._leaving = True
        self._clicks.put(_WAKE)

    def run(self, screen: Screen, beat: Callable[[], None]) -> None:
        """Live until a click on Quit or `leave`; `beat` is called again and again meanwhile."""
        self._beat = beat
        self.begin()
        self.refresh(screen)
        while not self._leaving:
            beat()
            self.turn(screen, LOOK_SECONDS)

    def begin(self) -> None:
        """Mend an autostart entry whose program has moved."""
        try:
            if self._login.repair():
                log.info("the autostart entry pointed at a missing program and was mended")
        except FacewatchError as error:
            self._say(str(error))

    def turn(self, screen: Screen, wait_seconds: float) -> None:
        """Carry out the clicks that come within the wait, and show what is so then."""
        wait = wait_seconds
        while not self._leaving:
            try:
                action = self._clicks.get(timeout=wait) if wait else self._clicks.get_nowait()
            except queue.Empty:
                break
            if action is not _WAKE:
                self._act(action)
            wait = 0.0
        if not self._leaving:
            self.refresh(screen)

    def refresh(self, screen: Screen) -> None:
        """Look at everything, and show it where it differs from what is shown."""
        self._read_settings()
        status = self._look()
        self._look_around(status)
        scene = self._scene(status)
        current = status.current or {}
        shown = (
            picture(scene.mood, current.get("done"), current.get("total")),
            text.title(scene),
            menu(scene),
        )
        if shown != self._shown:
            self._shown = shown
            screen.show(*shown)
        level = self._settings.notifications if self._settings else "errors"
        self._memory, news = notices(self._memory, status, level, self._clock())
        for notice in news:
            self._tell(screen, notice)

    def _tell(self, screen: Screen, notice: Notification) -> None:
        try:
            screen.notify(notice)
        except Exception:  # each system has its own ways to fail here, and no icon may fall for it
            log.warning("the notification %r could not be shown", notice.text, exc_info=True)

    def _read_settings(self) -> None:
        try:
            if self._settings is None:
                self._settings = self._store.load()
            else:
                self._store.reload_if_changed()
                self._settings = self._store.current
        except FacewatchError as error:
            log.info("%s", error)
        self._bad_edit = str(self._store.problem) if self._store.problem else ""

    def _look(self) -> Status:
        try:
            return read_status(self._places, self._settings or Settings())
        except FacewatchError as error:
            return unreadable(str(error), running_pid(self._places))

    def _look_around(self, status: Status) -> None:
        downloads = set(status.downloads)
        before = set(self._memory.status.downloads) if self._memory.status else downloads
        if self._clock() - self._looked_around_at < CHOICES_SECONDS and downloads == before:
            return
        self._looked_around_at = self._clock()
        try:
            self._login_state = self._login.state()
            self._choices = choices(self._model_files(self._settings or Settings()), self._beat)
        except FacewatchError as error:
            self._say(str(error))

    def _scene(self, status: Status) -> View:
        problem = self._problem if self._clock() < self._problem_until else ""
        return View(
            settings=self._settings,
            status=status,
            choices=self._choices,
            login=self._login_state,
            config=self._places.config,
            log=self._places.log,
            now=self._now(),
            problem=self._bad_edit or problem,
        )

    def _act(self, action: object) -> None:
        self._problem = ""
        try:
            self._carry_out(action)
        except FacewatchError as error:
            self._say(str(error))

    def _carry_out(self, action: object) -> None:
        if isinstance(action, menu_items.Choose):
            self._store.update({action.key: action.value})
        elif isinstance(action, menu_items.Pause):
            self._store.update({"paused": pause_value(action.how_long, self._now())})
        elif isinstance(action, menu_items.Open):
            self._hands.open(action.target)
        elif isinstance(action, menu_items.Show):
            self._hands.show(action.file)
        elif isinstance(action, menu_items.ShowBeforeAfter):
            self._hands.contrast(action.original, action.restored)
        elif isinstance(action, menu_items.LeaveRequest):
            put(self._places, action.request)
        else:
            self._carry_out_rarely(action)

    def _carry_out_rarely(self, action: object) -> None:
        if isinstance(action, menu_items.Accept):
            self._model_files(self._settings or Settings()).accept(action.model)
        elif isinstance(action, menu_items.Login):
            (self._login.enable if action.wanted else self._login.disable)()
            self._looked_around_at = float("-inf")
        elif isinstance(action, menu_items.StartDaemon):
            self._hands.begin(
                facewatch_command("run", "--config", str(self._places.config)), child_environment()
            )
        elif isinstance(action, menu_items.Quit):
            pid = running_pid(self._places)
            if pid is not None:
                put(self._places, Request("quit", pid=pid))
            self._leaving = True

    def _say(self, problem: str) -> None:
        log.warning("%s", problem)
        self._problem, self._problem_until = problem, self._clock() + PROBLEM_SECONDS


def pause_value(how_long: str, now: datetime) -> bool | datetime | None:
    """What the setting `paused` has to be for a pause that begins `now`; None removes it."""
    if how_long == "no longer":
        return None
    if how_long == "for 1 hour":
        return (now + timedelta(hours=1)).replace(microsecond=0)
    if how_long == "until tomorrow":
        tomorrow = (now + timedelta(days=1)).date()
        return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=now.tzinfo)
    return True


def choices(model_files: ModelFiles, beat: Callable[[], None]) -> tuple[Choice, ...]:
    """The face models that can be chosen. Raises BadCheckpoint when the models folder cannot be read.

    beat  called for each: a file that is new is read as a whole, which takes long on a slow disk
    """
    found = []
    for row in model_files.rows():
        beat()
        if row.kind != "face":
            continue
        checkpoint = row.checkpoint
        found.append(
            Choice(
                name=row.name,
                here=model_files.state(row.name) in ("present", "builtin"),
                size_bytes=checkpoint.size_bytes if checkpoint else None,
                non_commercial=checkpoint is not None and checkpoint.licence.non_commercial,
            )
        )
    return tuple(found)


def _nothing() -> None:
    """What is called where nobody wants signs of life."""
