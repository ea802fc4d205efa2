"""list and ps: what containers there are, and what runs in one."""

import posix

from hutch.container import status
from hutch.container.store import read_file
from hutch.errors import HutchError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hutch.container.store import Store


class Listed:
    """A container as `list` shows it: ``shown`` has the keys of its state and the owner's name."""

    __slots__ = ("id", "shown")

    def __init__(self, id: str, shown: "dict[str, Any]") -> None:
        self.id = id
        self.shown = shown


def list_containers(store: "Store") -> "tuple[list[Listed], list[str]]":
    """The containers, sorted by id, and a sentence for each that cannot be read."""
    found = []
    damaged = []
    owners: dict[int, str] = {}
    for id in store.ids():
        try:
            entry = store.find(id)
            state = entry.load_state()
            shown = status.public_state(state, status.status_of(state, entry.directory))
        except HutchError as error:
            damaged.append("load container " + id + ": " + str(error))
            continue
        uid = state["uid"]
        if uid not in owners:
            owners[uid] = _user_name(uid)
        shown["owner"] = owners[uid]
        found.append(Listed(id, shown))
    return found, damaged


def _user_name(uid: int) -> str:
    """The name in /etc/passwd, or where else the host keeps its users."""
    number = str(uid).encode()
    try:
        users = read_file("/etc/passwd")
    except OSError:
        users = b""
    for line in users.split(b"\n"):
        fields = line.split(b":")
        if len(fields) == 7 and fields[2] == number:
            return fields[0].decode(errors="replace")
    from pwd import getpwuid

    try:
        return getpwuid(uid).pw_name
    except KeyError:
        return "#" + str(uid)


def processes(store: "Store", id: str) -> "list[int]":
    """The pids, on the host, of all processes of a container."""
    from hutch.container.processes import processes_of

    return processes_of(store.find(id).load_state())


def process_table(pids: "list[int]", options: "list[str]") -> str:
    """ps(1) with these options, of its lines those of ``pids`` and the header."""
    from subprocess import run

    environment = {b"PATH": posix.environ.get(b"PATH", b"/usr/bin:/bin")}
    try:
        done = run(["ps", *options], capture_output=True, check=False, env=environment)
    except FileNotFoundError:
        raise HutchError("ps is not installed", hint="--format json needs no ps") from None
    if done.returncode != 0:
        raise UsageError("ps: " + done.stderr.decode(errors="replace").strip())
    header, *lines = done.stdout.decode(errors="replace").splitlines()
    columns = header.split()
    if "PID" not in columns:
        raise UsageError("these options of ps show no PID column: " + " ".join(options))
    place = columns.index("PID")
    wanted = {str(pid) for pid in pids}
    kept = [line for line in lines if len(line.split()) > place and line.split()[place] in wanted]
    return "".join([line + "\n" for line in [header, *kept]])
