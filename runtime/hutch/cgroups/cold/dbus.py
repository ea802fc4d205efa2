"""systemd's D-Bus interface org.freedesktop.systemd1.Manager, through the library jeepney.

https://www.freedesktop.org/software/systemd/man/252/org.freedesktop.systemd1.html
"""

import os
import socket
from collections import deque

from jeepney import DBusAddress, MatchRule, MessageType, Properties, message_bus, new_method_call
from jeepney.bus import get_connectable_addresses
from jeepney.io.blocking import DBusConnection

from hutch.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from jeepney import Message

PATIENCE = 60.0  # seconds to wait for an answer
JOB_PATIENCE = 120.0  # seconds; systemd kills a unit that does not stop after 90 seconds
MANAGER = DBusAddress(
    "/org/freedesktop/systemd1",
    bus_name="org.freedesktop.systemd1",
    interface="org.freedesktop.systemd1.Manager",
)


HINTS = {
    False: "is the service dbus running?",
    True: "without root, the user's own systemd must run: loginctl enable-linger USER; and the "
    "environment needs XDG_RUNTIME_DIR=/run/user/UID",
}


class Refusal:
    """A D-Bus error: its ``name``, and its message in ``text``."""

    __slots__ = ("name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text


class Bus:
    """A connection to systemd over the system bus, or with ``user`` over the user's bus. A context
    manager.

    Every method raises HostError if the bus does not answer.
    """

    def __init__(self, user: bool) -> None:
        self.user = user
        uid = _outer_uid()
        address = _address(user, uid)
        try:
            self.connection = DBusConnection(_connect(address, uid))
        except (OSError, ValueError, RuntimeError) as error:
            reason = getattr(error, "strerror", "") or str(error)
            raise HostError(
                f"cannot connect to systemd at {address}: {reason}",
                hint=HINTS[user],
            ) from None

    def __enter__(self) -> "Bus":
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        self.connection.close()

    def manager_property(self, name: str) -> str:
        reply = self._ask(Properties(MANAGER).get(name))
        if isinstance(reply, Refusal):
            raise HostError(f"systemd does not answer with its property {name}: {reply.text}")
        value: str = reply.body[0][1]
        return value

    def call(self, method: str, signature: str, body: "tuple[object, ...]") -> "Refusal | None":
        """Calls a method of the manager. Returns the error that it answered with; None if it
        succeeded."""
        reply = self._ask(new_method_call(MANAGER, method, signature, body))
        return reply if isinstance(reply, Refusal) else None

    def job(self, method: str, signature: str, body: "tuple[object, ...]") -> "Refusal | None":
        """Calls a method that starts a job, and waits until the job ends (the signal JobRemoved).
        Returns the error of the call or of the job; None if both succeeded."""
        rule = MatchRule(
            type="signal",
            interface=MANAGER.interface,
            member="JobRemoved",
            path=MANAGER.object_path,
        )
        # systemd sends signals only if a client has subscribed.
        self._ask(message_bus.AddMatch(rule))
        self.call("Subscribe", "", ())
        ended: deque[Message] = deque()
        with self.connection.filter(rule, queue=ended):
            reply = self._ask(new_method_call(MANAGER, method, signature, body))
            if isinstance(reply, Refusal):
                return reply
            (job,) = reply.body
            while True:
                try:
                    signal = self.connection.recv_until_filtered(ended, timeout=JOB_PATIENCE)
                except (OSError, TimeoutError) as error:
                    raise self._no_answer(error) from None
                _, path, unit, result = signal.body
                if path == job:
                    break
        if result == "done":
            return None
        return Refusal(result, f"the job for {unit} ended with the result {result}")

    def _ask(self, message: "Message") -> "Message | Refusal":
        try:
            reply = self.connection.send_and_get_reply(message, timeout=PATIENCE)
        except (OSError, TimeoutError) as error:
            raise self._no_answer(error) from None
        if reply.header.message_type == MessageType.error:
            name = reply.header.fields.get(4, "")  # ERROR_NAME
            return Refusal(str(name), str(reply.body[0]) if reply.body else str(name))
        return reply

    def _no_answer(self, error: OSError) -> HostError:
        which = "the user's systemd" if self.user else "systemd"
        return HostError(f"{which} does not answer over D-Bus: {error.strerror or 'timeout'}")


def _address(user: bool, uid: int) -> str:
    if not user:
        usual = "unix:path=/run/dbus/system_bus_socket"
        return os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or usual
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}"
    return os.environ.get("DBUS_SESSION_BUS_ADDRESS") or f"unix:path={runtime}/bus"


def _outer_uid() -> int:
    """The caller's uid outside of a user namespace, which is the one that the bus sees."""
    inner = os.geteuid()
    with open("/proc/self/uid_map", encoding="ascii") as map:
        for line in map:
            first, outer, count = (int(word) for word in line.split())
            if first <= inner < first + count:
                return outer + inner - first
    return inner


def _connect(address: str, uid: int) -> socket.socket:
    """A connection that is authenticated (D-Bus specification, EXTERNAL). jeepney's own function
    would send the uid inside the user namespace."""
    bus = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        bus.settimeout(PATIENCE)
        bus.connect(next(iter(get_connectable_addresses(address))))
        bus.sendall(b"\0AUTH EXTERNAL " + str(uid).encode().hex().encode() + b"\r\n")
        answer = b""
        while not answer.endswith(b"\r\n"):
            data = bus.recv(1024)
            if not data:
                raise ConnectionResetError("the bus has closed the connection")
            answer += data
        if not answer.startswith(b"OK "):
            raise PermissionError(0, "the bus refuses user " + str(uid))
        bus.sendall(b"BEGIN\r\n")
    except BaseException:
        bus.close()
        raise
    return bus
