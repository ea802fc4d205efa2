"""Does what the everyday verbs do, while the program is built (native/snapshot.py).

What changes in memory meanwhile is put side by side. So it must be the same on every machine: what
the verbs read of the host is written here, and so is what hutch-init answers. Nothing needs root,
and nothing outside of the folder is changed.

The arguments are a folder, how cgroups are mounted, and the words of a command line. The calls
share the folder: one creates the container that the next one starts.
"""

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

folder, mode, *words = sys.argv
cgroups = folder + "/cgroup"
CONTROLLERS = ("cpuset", "cpu", "cpuacct", "blkio", "memory", "devices", "freezer", "pids")
ID = "rabbit"
PATIENCE = 60  # seconds: the life of the container, if no call ends it


def mounted() -> dict[str, str]:
    """The files that say how cgroups are mounted, and their contents."""
    if mode == "v2":
        mounts = f"30 24 0:26 / {cgroups} rw,nosuid - cgroup2 cgroup2 rw\n"
        return {"/proc/self/mountinfo": mounts, "/proc/self/cgroup": "0::/\n"}
    mounts = membership = ""
    for number, name in enumerate(CONTROLLERS):
        mounts += f"{30 + number} 24 0:26 / {cgroups}/{name} rw - cgroup cgroup rw,{name}\n"
        membership += f"{number + 1}:{name}:/\n"
    return {"/proc/self/mountinfo": mounts, "/proc/self/cgroup": membership}


def prepare() -> None:
    """Makes the bundle and the directories of the cgroups."""
    from hutch.spec.default import default_config
    from hutch.spec.json import encode

    config = default_config(cgroup_v2=mode == "v2")
    config["process"]["terminal"] = False
    config["process"]["args"] = ["true"]
    config["linux"]["resources"]["memory"] = {"limit": 1 << 28}
    for path in (folder, folder + "/bundle", folder + "/bundle/rootfs", cgroups):
        posix.mkdir(path)
    for name in CONTROLLERS if mode == "v1" else ():
        posix.mkdir(cgroups + "/" + name)
    fd = posix.open(folder + "/bundle/config.json", posix.O_WRONLY | posix.O_CREAT)
    posix.write(fd, encode(config).encode())
    posix.close(fd)


real_open = posix.open
FILES = mounted()


def open_file(path: str, flags: int, mode: int = 0o777, *, dir_fd: "int | None" = None) -> int:
    """open(2) on a host that is the same everywhere. A file of a cgroup is empty."""
    text = FILES.get(path)
    if path.endswith("/cgroup.controllers"):
        text = "cpuset cpu io memory pids\n"
    if text is not None:
        fd = posix.memfd_create("file")
        posix.write(fd, text.encode())
        posix.lseek(fd, 0, 0)
        return fd
    if path.startswith(cgroups) and not flags & posix.O_DIRECTORY:
        return real_open("/dev/null", posix.O_RDWR | posix.O_CLOEXEC)
    return real_open(path, flags, mode, dir_fd=dir_fd)


class Kernel:
    """The C functions of hutch, but for those that need rights or hutch-init."""

    def __init__(self, functions: "Any") -> None:
        self.functions = functions

    def __getattr__(self, name: str) -> "Any":
        return getattr(self.functions, name)

    def hutch_attach_devices(self, *arguments: object) -> int:
        return 0

    def hutch_seal(self, path: bytes) -> int:
        return posix.memfd_create("init", posix.MFD_CLOEXEC)

    def hutch_signal_descriptor(self) -> int:
        """Blocks no signal: SIGSEGV tells what changes (snapshot.c)."""
        return posix.eventfd(0, posix.EFD_NONBLOCK | posix.EFD_CLOEXEC)

    def hutch_spawn(
        self, init: int, flags: int, cgroup: int, base: int, slots: bytes, size: int
    ) -> int:
        channel = int.from_bytes(slots[16:20], "little")  # after stdio and the plan
        pid = posix.fork()
        if pid == 0:
            be_init(channel)
        return pid << 32 | posix.pidfd_open(pid)


def be_init(channel: int) -> None:
    """What hutch-init does, as the runtime sees it. Ends the process."""
    from _signal import SIG_DFL, SIGALRM, alarm, signal

    from hutch.plan.operations import AT
    from hutch.plan.plan import CREATED

    try:
        signal(SIGALRM, SIG_DFL)
        alarm(PATIENCE)
        nothing = real_open("/dev/null", posix.O_RDWR)
        for fd in range(64):
            if fd != channel:
                posix.dup2(nothing, fd)
        posix.write(channel, AT.to_bytes(4, "little") + CREATED.to_bytes(4, "little"))
        posix.read(channel, 1)
        if words[0] == "create":
            state = f"{folder}/root/{ID}"
            posix.read(real_open(state + "/start.fifo", posix.O_RDONLY), 1)
            posix.close(real_open(state + "/reply.fifo", posix.O_WRONLY))
            posix.close(channel)
            while True:
                posix.read(posix.eventfd(0), 8)
    finally:
        posix._exit(0)


def rehearse() -> None:
    """Runs the command line, and ends the process."""
    import hutch.kernel.bpf
    import hutch.kernel.process

    posix.open = open_file  # type: ignore[assignment]
    for module in (hutch.kernel.bpf, hutch.kernel.process):
        module.lib = Kernel(module.lib)  # type: ignore[attr-defined]
    sys.argv = ["", "--root", folder + "/root", *words]
    front.main("/package")  # type: ignore[name-defined] # noqa: F821 - launcher/embedded.c sets it


if words:
    rehearse()
else:
    prepare()
