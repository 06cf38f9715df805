"""The tray's loop: refresh the icon and handle clicks; one thread, fed by a queue of clicks."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from facewatch.errors import FacewatchError
from facewatch.models.files import ModelFiles
from facewatch.settings.schedule import resumed
from facewatch.settings.schema import Settings
from facewatch.settings.store import Store
from facewatch.state.first_start import FIRST_MODEL, answer_model, model_is_asked
from facewatch.state.instance import running_pid
from facewatch.state.outcomes import OutcomeCounter
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
from facewatch.tray.notifications import Memory, Notification, due_notifications, model_question
from facewatch.tray.opener import Opener
from facewatch.tray.recent_rows import RecentRows
from facewatch.tray.view import Choice, View, unreadable

log = logging.getLogger(__name__)

REFRESH_SECONDS = 0.3  # a config file edited by hand changes the menu well within two seconds
CHOICES_SECONDS = 5.0  # how often the model files and the autostart entry are checked
PROBLEM_SECONDS = 30.0  # how long the error of a click is shown
LoadModelFiles = Callable[[Settings], ModelFiles]
_WAKE = object()


class TrayIcon(Protocol):
    """Shows the app's state; implemented by the backends."""

    def show(self, picture: Picture, title: str, menu: Menu, /) -> None: ...

    def notify(self, notification: Notification, /) -> None: ...


class App:
    """State and actions behind the icon."""

    def __init__(
        self,
        *,
        places: Places,
        store: Store,
        model_files: LoadModelFiles,
        login: LoginEntries,
        opener: Opener,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._places = places
        self._store = store
        self._model_files = model_files
        self._login = login
        self._opener = opener
        self._clock = clock
        self._now = now
        self._clicks: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._heartbeat: Callable[[], None] = _no_heartbeat
        self._stopping = False
        self._settings: Settings | None = None
        self._settings_problem = ""
        self._problem = ""
        self._problem_until = 0.0
        self._choices: tuple[Choice, ...] = ()
        self._login_state: LoginState = "off"
        self._choices_checked_at = float("-inf")
        self._memory = Memory()
        self._counter = OutcomeCounter()
        self._recent = RecentRows()
        self._asked_model = False  # by this process
        self._shown: tuple[Picture, str, Menu] | None = None

    def click(self, action: menu_items.Action) -> None:
        """Queue the action of a click. From any thread."""
        self._clicks.put(action)

    def stop(self) -> None:
        """Make `run` return soon; the daemon keeps running. From any thread."""
        self._stopping = True
        self._clicks.put(_WAKE)

    def run(self, icon: TrayIcon, beat: Callable[[], None]) -> None:
        """Show the icon and handle clicks until Quit or `stop`; call `beat` at every step."""
        self._heartbeat = beat
        self.repair_autostart()
        self.refresh(icon)
        while not self._stopping:
            beat()
            self.step(icon, REFRESH_SECONDS)

    def repair_autostart(self) -> None:
        """Repair an autostart entry whose program has moved."""
        try:
            if self._login.repair():
                log.info("repaired the autostart entry: it pointed to a missing program")
        except FacewatchError as error:
            self._show_problem(str(error))

    def step(self, icon: TrayIcon, wait_seconds: float) -> None:
        """Handle the clicks that arrive within the wait, then refresh the icon."""
        wait = wait_seconds
        while not self._stopping:
            try:
                action = self._clicks.get(timeout=wait) if wait else self._clicks.get_nowait()
            except queue.Empty:
                break
            if action is not _WAKE:
                self._handle_click(action)
            wait = 0.0
        if not self._stopping:
            self.refresh(icon)

    def refresh(self, icon: TrayIcon) -> None:
        """Read the state, update the icon if it changed, and show what is due for notification."""
        self._read_settings()
        status = self._read_status()
        self._refresh_choices(status)
        working = status.current is not None or status.counts["queued"] + status.settling > 0
        rows = self._recent.arrange(status.recent, working=working)
        view = self._view(replace(status, recent=rows))
        shown = _picture(view), text.title(view), menu(view)
        if shown != self._shown:
            self._shown = shown
            icon.show(*shown)
        level = self._settings.notifications if self._settings else "errors"
        self._memory, due = due_notifications(self._memory, status, level, self._clock())
        if view.asks_model and not self._asked_model:
            self._asked_model = True
            due = (model_question(view.choices, FIRST_MODEL), *due)
        for notification in due:
            self._notify(icon, notification)

    def _notify(self, icon: TrayIcon, notification: Notification) -> None:
        try:
            icon.notify(notification)
        except Exception:  # each system fails in its own way here, and the icon must survive it
            log.warning("the notification %r could not be shown", notification.text, exc_info=True)

    def _read_settings(self) -> None:
        try:
            if self._settings is None:
                self._settings = self._store.load()
            else:
                self._store.reload_if_changed()
                self._settings = self._store.current
        except FacewatchError as error:
            log.info("%s", error)
        self._settings_problem = str(self._store.problem) if self._store.problem else ""

    def _read_status(self) -> Status:
        try:
            return read_status(self._places, self._settings or Settings(), counter=self._counter)
        except FacewatchError as error:
            return unreadable(str(error), running_pid(self._places))

    def _refresh_choices(self, status: Status) -> None:
        downloads = set(status.downloads)
        before = set(self._memory.status.downloads) if self._memory.status else downloads
        if self._clock() - self._choices_checked_at < CHOICES_SECONDS and downloads == before:
            return
        self._choices_checked_at = self._clock()
        try:
            self._login_state = self._login.state()
            self._choices = choices(self._model_files(self._settings or Settings()), self._heartbeat)
        except FacewatchError as error:
            self._show_problem(str(error))

    def _view(self, status: Status) -> View:
        problem = self._problem if self._clock() < self._problem_until else ""
        return View(
            settings=self._settings,
            status=status,
            choices=self._choices,
            login=self._login_state,
            config=self._places.config,
            log=self._places.log,
            now=self._now(),
            problem=self._settings_problem or problem,
            asks_model=model_is_asked(self._places, self._settings.model if self._settings else ""),
        )

    def _handle_click(self, action: object) -> None:
        self._problem = ""
        try:
            self._execute(action)
        except FacewatchError as error:
            self._show_problem(str(error))

    def _execute(self, action: object) -> None:
        if isinstance(action, menu_items.ChangeSetting):
            self._change(action)
        elif isinstance(action, menu_items.Pause):
            if action.duration == "no longer":
                self._store.update(resumed(self._store.current, self._now(), self._read_status().rest))
            else:
                self._store.update({"paused": pause_value(action.duration, self._now())})
        elif isinstance(action, menu_items.Open):
            self._opener.open(action.target)
        elif isinstance(action, menu_items.OpenOwn):
            self._opener.open(str(self._places.config if action.what == "config" else self._places.log))
        elif isinstance(action, menu_items.OpenGallery):
            self._open_gallery(action)
        elif isinstance(action, menu_items.ShowInFolder):
            self._opener.show(action.file)
        elif isinstance(action, menu_items.SendRequest):
            put(self._places, action.request)
        else:
            self._execute_rare(action)

    def _change(self, action: menu_items.ChangeSetting) -> None:
        self._store.update({action.key: action.value})
        if action.key == "model":
            answer_model(self._places)

    def _execute_rare(self, action: object) -> None:
        if isinstance(action, menu_items.AcceptLicence):
            self._model_files(self._settings or Settings()).accept(action.model)
        elif isinstance(action, menu_items.StartAtLogin):
            (self._login.enable if action.enabled else self._login.disable)()
            self._choices_checked_at = float("-inf")
        elif isinstance(action, menu_items.StartDaemon):
            self._opener.start(
                facewatch_command("run", "--config", str(self._places.config)), child_environment()
            )
        elif isinstance(action, menu_items.Quit):
            pid = running_pid(self._places)
            if pid is not None:
                put(self._places, Request("quit", pid=pid))
            self._stopping = True

    def _open_gallery(self, action: menu_items.OpenGallery) -> None:
        wanted = ("--page", action.page) if action.photo is None else ("--photo", str(action.photo))
        command = facewatch_command("gallery", *wanted, "--config", str(self._places.config))
        self._opener.start(command, child_environment())

    def _show_problem(self, problem: str) -> None:
        log.warning("%s", problem)
        self._problem, self._problem_until = problem, self._clock() + PROBLEM_SECONDS


def pause_value(duration: str, now: datetime) -> bool | datetime:
    """Return the value of the setting `paused` for a pause from `now` on."""
    if duration == "for 1 hour":
        return (now + timedelta(hours=1)).replace(microsecond=0)
    if duration == "until tomorrow":
        tomorrow = (now + timedelta(days=1)).date()
        return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=now.tzinfo)
    return True


def choices(model_files: ModelFiles, beat: Callable[[], None]) -> tuple[Choice, ...]:
    """Return the face models of the menu. Raises BadCheckpoint when the models folder cannot be read.

    beat  called for each model: a new file is hashed as a whole, which takes long on a slow disk
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
                available=model_files.state(row.name) in ("present", "builtin"),
                size_bytes=checkpoint.size_bytes if checkpoint else None,
                non_commercial=checkpoint is not None and checkpoint.licence.non_commercial,
            )
        )
    return tuple(found)


def _picture(view: View) -> Picture:
    """Return the icon: its progress is that of the batch, or of the photo if there is only one."""
    batch, current = view.status.progress, view.status.current or {}
    of = batch if batch and batch["total"] > 1 else current
    return picture(
        view.mood, of.get("done"), of.get("total"), failed=view.status.outcomes.get("failed", 0) > 0
    )


def _no_heartbeat() -> None:
    """Do nothing; used until `run` provides the heartbeat."""
