"""The process that made a system call, from /proc."""

from pathlib import Path


class Caller:
    """A process. ``pid`` is its number on the host (in the pid namespace of the runtime), ``inner``
    its number in its own pid namespace, ``name`` its name (comm). 0 and "" if it has ended."""

    __slots__ = ("inner", "name", "pid")

    def __init__(self, pid: int, inner: int, name: str) -> None:
        self.pid = pid
        self.inner = inner
        self.name = name


def caller_of(thread: int) -> Caller:
    """The process of a thread."""
    fields = _status(thread)
    pid = int(fields.get("Tgid", "0"))
    own = fields if pid == thread else _status(pid)
    numbers = own.get("NSpid", "0").split()
    return Caller(pid, int(numbers[-1]), fields.get("Name", ""))


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def memory(thread: int, address: int, length: int) -> bytes:
    """Bytes of its memory; fewer, or none, if they cannot be read."""
    try:
        with Path(f"/proc/{thread}/mem").open("rb", buffering=0) as file:
            file.seek(address)
            return file.read(length)
    except (OSError, OverflowError, ValueError):
        return b""
