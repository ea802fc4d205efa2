"""list: the states of all containers."""

from hutch.container import status
from hutch.container.store import read_file
from hutch.errors import HutchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.container.state import PublicState
    from hutch.container.store import Store


def states(store: "Store", warn: "Callable[[HutchError], None]") -> "list[PublicState]":
    """The states of all containers, sorted by id, with the names of their owners. ``warn`` is
    called for each container whose state cannot be read."""
    found = []
    owners: dict[int, str] = {}
    for id in store.ids():
        try:
            entry = store.find(id)
            state = entry.load_state()
            shown = state.public(status.status_of(state, entry.directory))
        except HutchError as error:
            warn(HutchError("load container " + id + ": " + str(error)))
            continue
        uid = state.uid
        if uid not in owners:
            owners[uid] = _user_name(uid)
        shown["owner"] = owners[uid]
        found.append(shown)
    return found


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
