"""A private D-Bus with services that a test makes up."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

Answer = tuple[str, tuple[Any, ...]]  # signature and body
Answers = Mapping[str, Answer | Callable[[Any], Answer]]  # a function gets the call's body


@contextlib.contextmanager
def private_bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the address of a new bus, which is session and system bus of this process; skip without one."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is not installed")
    command = ["dbus-daemon", "--session", "--nofork", "--print-address=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        assert daemon.stdout is not None
        address = daemon.stdout.readline().strip()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        try:
            yield address
        finally:
            daemon.terminate()


@contextlib.contextmanager
def served(address: str, name: str, answers: Answers) -> Iterator[None]:
    """Serve `name` on a bus; `answers` are by method, for `Get` by the name of the property."""
    from jeepney import HeaderFields, MessageType, message_bus, new_error, new_method_return
    from jeepney.io.blocking import open_dbus_connection

    connection = open_dbus_connection(address, enable_fds=True)
    connection.send_and_get_reply(message_bus.RequestName(name), timeout=5)
    ending = threading.Event()

    def serve() -> None:
        while not ending.is_set():
            with contextlib.suppress(TimeoutError):
                message = connection.receive(timeout=0.1)
                if message.header.message_type is not MessageType.method_call:
                    continue
                member = message.header.fields[HeaderFields.member]
                found = answers.get(message.body[1] if member == "Get" else member)
                if callable(found):
                    found = found(message.body)
                reply = new_method_return(message, *found) if found else new_error(message, "a.b.Unknown")
                connection.send(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
        connection.close()


def variant(signature: str, value: object) -> Answer:
    """Return the answer to `Get` with this value."""
    return "v", ((signature, value),)
