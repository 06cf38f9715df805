"""D-Bus, the desktop's and system's own line on Linux."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

SECONDS = 2.0  # for an answer; a service that is only started for it answers later, or not
Bus = Literal["SESSION", "SYSTEM"]
_FAILURES = (OSError, KeyError, ValueError, RuntimeError, StopIteration)
"""What jeepney raises: no bus at the address, no address, an address or an answer that it cannot read."""


class Service(NamedTuple):
    """One object of a service on a bus."""

    bus: Bus
    name: str
    path: str
    interface: str

    def call(self, method: str, signature: str | None = None, values: tuple[Any, ...] = ()) -> Any:
        """Return the first value that a method answers; None if there is no such service.

        signature  of the method's arguments in D-Bus' letters; None: it takes none
        """
        from jeepney import DBusAddress, new_method_call

        address = DBusAddress(self.path, self.name, self.interface)
        return self._answer(new_method_call(address, method, signature, values))

    def read(self, name: str) -> Any:
        """Return the value of a property; None if there is no such service."""
        from jeepney import DBusAddress, Properties

        found = self._answer(Properties(DBusAddress(self.path, self.name, self.interface)).get(name))
        return None if found is None else found[1]  # a variant: signature and value

    def open(self, method: str, signature: str, values: tuple[Any, ...]) -> int | None:
        """Return the file descriptor that a method answers, for the caller to close; None as in `call`."""
        from jeepney import DBusAddress, new_method_call

        address = DBusAddress(self.path, self.name, self.interface)
        found = self._answer(new_method_call(address, method, signature, values), descriptors=True)
        return None if found is None else found.to_raw_fd()

    def _answer(self, message: Any, *, descriptors: bool = False) -> Any:
        from jeepney import HeaderFields, MessageFlag, MessageType
        from jeepney.io.blocking import open_dbus_connection

        message.header.flags |= MessageFlag.no_auto_start
        try:
            with open_dbus_connection(self.bus, descriptors, SECONDS) as connection:
                reply = connection.send_and_get_reply(message, timeout=SECONDS)
        except _FAILURES:
            return None
        if (
            reply.header.message_type is MessageType.error
            or HeaderFields.signature not in reply.header.fields
        ):
            return None
        return reply.body[0]


LOGIND = Service(
    "SYSTEM", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"
)
