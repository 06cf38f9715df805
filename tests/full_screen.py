"""A window manager's part on a virtual display: windows, and the properties that describe them."""

from __future__ import annotations

from typing import Any


class Screen:
    """Opens windows on $DISPLAY and keeps the lists of the Extended Window Manager Hints."""

    def __enter__(self):
        from Xlib.display import Display

        self._display: Any = Display()
        self._root = self._display.screen().root
        self._windows: list[Any] = []
        self.show_desktop(0)
        return self

    def __exit__(self, *_: object) -> None:
        self._root.delete_property(self._atom("_NET_CLIENT_LIST"))
        self._display.sync()
        self._display.close()

    def open(self) -> Any:
        """Return a new window, on the first desktop."""
        window = self._root.create_window(0, 0, 900, 600, 0, self._display.screen().root_depth)
        window.map()
        self._windows.append(window)
        self._set(window, "_NET_WM_DESKTOP", "CARDINAL", [0])
        self._set(self._root, "_NET_CLIENT_LIST", "WINDOW", [it.id for it in self._windows])
        return window

    def destroy(self, window: Any) -> None:
        """Destroy a window that stays in the window manager's list."""
        window.destroy()
        self._display.sync()

    def set_states(self, window: Any, *names: str) -> None:
        """Give a window these states, such as FULLSCREEN, and no others."""
        self._set(window, "_NET_WM_STATE", "ATOM", [self._atom(f"_NET_WM_STATE_{name}") for name in names])

    def show_desktop(self, number: int) -> None:
        """Change to another virtual desktop."""
        self._set(self._root, "_NET_CURRENT_DESKTOP", "CARDINAL", [number])

    def _atom(self, name: str) -> int:
        return int(self._display.intern_atom(name))

    def _set(self, window: Any, name: str, kind: str, values: list[int]) -> None:
        window.change_property(self._atom(name), self._atom(kind), 32, values)
        self._display.sync()
