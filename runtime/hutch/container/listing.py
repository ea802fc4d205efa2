"""list and ps: the containers, and the processes of a container."""

from hutch.container import status
from hutch.container.store import read_file
from hutch.errors import HutchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.state import PublicState
    from hutch.container.store import Store


class Listed:
    """A container as `list` shows it: ``shown`` has the keys of its state and the owner's name."""

    __slots__ = ("id", "shown")

    def __init__(self, id: str, shown: "PublicState") -> None:
        self.id = id
        self.shown = shown


def list_containers(store: "Store") -> "tuple[list[Listed], list[str]]":
    """The containers, sorted by id, and an error message for each one that cannot be read."""
    found = []
    damaged = []
    owners: dict[int, str] = {}
    for id in store.ids():
        try:
            entry = store.find(id)
            state = entry.load_state()
            shown = state.public(status.status_of(state, entry.directory))
        except HutchError as error:
            damaged.append("load container " + id + ": " + str(error))
            continue
        uid = state.uid
        if uid not in owners:
            owners[uid] = _user_name(uid)
        shown["owner"] = owners[uid]
        found.append(Listed(id, shown))
    return found, damaged


def _user_name(uid: int) -> str:
    """The user's name from /etc/passwd, or from other sources of the host (nsswitch.conf(5)), or
    "#UID"."""
    number = str(uid).encode()
    try:
        users = read_file("/etc/passwd")
    except OSError:
        users = b""
    for line in users.split(b"\n"):
        fields = line.split(b":")
        if len(fields) == 7 and fields[2] == number:
            return fields[0].decode(errors="replace")
    from hutch.front import use_interpreter

    use_interpreter()
    from hutch.container.cold.tools import user_name

    return user_name(uid) or "#" + str(uid)


def processes(store: "Store", id: str) -> "list[int]":
    """The pids, on the host, of all processes of a container."""
    from hutch.container.processes import processes_of

    return processes_of(store.find(id).load_state())
