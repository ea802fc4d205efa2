"""The id maps of a new user namespace (user_namespaces(7)).

Root may write any map; another user may map only his own id. The files /etc/subuid and /etc/subgid
give users more ids; newuidmap(1) and newgidmap(1) write maps with those.
"""

import posix

from hutch.container.init_process import write_proc
from hutch.container.signalfd import to_reset
from hutch.container.store import read_file
from hutch.errors import ConfigError, HostError
from hutch.plan.namespaces import MAP_PROGRAMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.plan import Plan

FIELDS = {"uid_map": "linux.uidMappings", "gid_map": "linux.gidMappings"}
PATIENCE = 10_000  # milliseconds
RANGES = {"uid_map": "/etc/subuid", "gid_map": "/etc/subgid"}


def write_maps(pid: int, plan: "Plan") -> None:
    """Writes the id maps of process ``pid``, whose user namespace has none yet. Raises KernelError
    or HostError."""
    for name, text in (("uid_map", plan.uid_map), ("gid_map", plan.gid_map)):
        if name in plan.map_helpers:
            _run_helper(pid, name, text)
            continue
        if name == "gid_map" and posix.geteuid() != 0:
            # Without privilege, setgroups must be denied first (user_namespaces(7)).
            write_proc(pid, "setgroups", "deny", FIELDS[name], "")
        write_proc(
            pid,
            name,
            text,
            FIELDS[name],
            "the ranges must not overlap, and without root only the caller's own id can be mapped",
        )


def compare_maps(pid: int, plan: "Plan") -> None:
    """Raises ConfigError unless the user namespace that process ``pid`` has joined maps the ids as
    the config says."""
    for name, text in (("uid_map", plan.uid_map), ("gid_map", plan.gid_map)):
        found = read_file("/proc/" + str(pid) + "/" + name).decode()
        lines = [" ".join(line.split()) for line in found.splitlines()]
        if text and sorted(lines) != sorted(text.splitlines()):
            raise ConfigError(
                FIELDS[name],
                "the user namespace at " + plan.mapped_namespace + " has other mappings: "
                + ("; ".join(lines) or "none"),
                value="; ".join(text.splitlines()),
                hint="leave " + FIELDS[name] + " out, or give the same",
            )  # fmt: skip


def _run_helper(pid: int, name: str, text: str) -> None:
    program = MAP_PROGRAMS[name]
    output = posix.memfd_create(program, posix.MFD_CLOEXEC)
    try:
        status = _run([program, str(pid), *text.split()], output, FIELDS[name])
        if status != 0:
            from hutch.container.hooks import describe_status

            printed = posix.pread(output, 4096, 0).decode(errors="replace").strip()
            raise HostError(
                "; ".join(printed.splitlines()) or program + " " + describe_status(status),
                pointer=FIELDS[name],
                hint=RANGES[name] + " must give this user all ranges that are mapped",
            )
    finally:
        posix.close(output)


def _run(words: "list[str]", output: int, pointer: str) -> int:
    """Runs a program from PATH with its output in ``output``; returns its wait status. Raises
    HostError if it is missing."""
    try:
        child = posix.posix_spawnp(
            words[0],
            words,
            {b"PATH": posix.environ.get(b"PATH", b"/usr/bin:/bin")},
            file_actions=[
                (posix.POSIX_SPAWN_DUP2, output, 1),
                (posix.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsigmask=(),
            setsigdef=to_reset(),
        )
    except OSError:
        raise HostError(
            words[0] + " is missing: without root it takes that to map more than the caller's id",
            pointer=pointer,
            hint="install it (Debian: uidmap), or map one id alone: the caller's",
        ) from None
    from select import POLLIN, poll

    waiting = poll()
    pidfd = posix.pidfd_open(child)
    try:
        waiting.register(pidfd, POLLIN)
        if not waiting.poll(PATIENCE):
            raise HostError(
                words[0] + " has not ended for ten seconds",
                pointer=pointer,
                hint=f"it is process {child}; it asks NSS for the users (nsswitch.conf(5))",
            )
    finally:
        posix.close(pidfd)
    return posix.waitpid(child, 0)[1]
