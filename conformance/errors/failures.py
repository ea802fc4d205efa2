"""Twenty failures that are found only when a container is made or run."""

import struct
from pathlib import Path

from conformance.errors.cases import Case, Change, Config, mount, process, resources, user_namespace

# A header of ELF for 64 bits, little endian: an executable for RISC-V without segments.
RISCV = struct.pack(
    "<4s12xHHIQQQIHHHHHH", b"\x7fELF", 2, 243, 1, 0x10000, 0, 0, 0, 64, 56, 0, 64, 0, 0
)
ELF = b"\x7fELF\x02\x01\x01" + bytes(9)
LOADER = b"/lib/ld-absent.so.1\0"


def program(root: Path, content: bytes, mode: int = 0o755) -> None:
    path = root / "bin" / "odd"
    path.write_bytes(content)
    path.chmod(mode)


def odd(content: bytes, mode: int = 0o755) -> Change:
    """The container runs a file with this content."""

    def change(config: Config, root: Path) -> None:
        program(root, content, mode)
        config["process"]["args"] = ["/bin/odd"]

    return change


def riscv() -> bytes:
    return ELF + RISCV[16:]


def dynamic() -> bytes:
    """A program for this machine that needs a dynamic loader which is not there."""
    machine = Path("/bin/busybox").read_bytes()[18:20]
    head = ELF + struct.pack("<H", 2) + machine + struct.pack("<IQQQIHHHHHH", 1, 0x400000, 64, 0,
                                                             0, 64, 56, 1, 64, 0, 0)  # fmt: skip
    segment = struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(LOADER), len(LOADER), 1)
    return head + segment + LOADER


def hook(kind: str, script: str, **fields: object) -> Change:
    def change(config: Config, _: Path) -> None:
        entry = {"path": "/bin/sh", "args": ["sh", "-c", script], **fields}
        config["hooks"] = {kind: [{"path": "/bin/true"}, entry]}

    return change


def hook_without_bit(config: Config, root: Path) -> None:
    path = root.parent / "hook"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o644)
    config["hooks"] = {"createRuntime": [{"path": str(path)}]}


def noexec(config: Config, root: Path) -> None:
    mount(config, destination="/opt", source=str(root / "bin"), type="bind",
          options=["bind", "noexec"])  # fmt: skip
    config["process"]["args"] = ["/opt/busybox", "true"]


def closed(config: Config, root: Path) -> None:
    program(root, Path("/bin/busybox").read_bytes(), 0o700)
    config["process"].update(args=["/bin/odd"], user={"uid": 1000, "gid": 1000})


def closed_directory(config: Config, root: Path) -> None:
    (root / "closed").mkdir(mode=0o700)
    config["process"].update(cwd="/closed", user={"uid": 1000, "gid": 1000})
    config["process"]["capabilities"] = {}


def overlay(config: Config, root: Path) -> None:
    (root / "mnt").mkdir()
    mount(config, destination="/mnt", type="overlay", source="overlay",
          options=["lowerdir=/absent/lower"])  # fmt: skip


def no_block_device(config: Config, root: Path) -> None:
    (root / "mnt").mkdir()
    (root.parent / "disk").write_bytes(bytes(1 << 20))
    mount(config, destination="/mnt", type="ext4", source=str(root.parent / "disk"))


def greedy(config: Config, _: Path) -> None:
    config["linux"].setdefault("resources", {})["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    config["process"]["args"] = ["sh", "-c", "exec dd if=/dev/zero of=/dev/null bs=64M count=1"]


def killed_by_filter(config: Config, _: Path) -> None:
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["chdir"], "action": "SCMP_ACT_KILL_PROCESS"}],
    }
    config["process"]["args"] = ["sh", "-c", "cd /tmp; echo no"]


def masked_proc(config: Config, root: Path) -> None:
    user_namespace(config)
    root.parent.chmod(0o755)


def file_at_device(config: Config, root: Path) -> None:
    (root / "dev" / "taken").write_text("")
    config["mounts"] = [
        one for one in config["mounts"] if not one["destination"].startswith("/dev")
    ]
    config["linux"]["devices"] = [{"path": "/dev/taken", "type": "c", "major": 1, "minor": 3}]


FAILING = [
    Case("script whose interpreter is missing", odd(b"#!/bin/absent -x\necho hi\n"),
         (r"/bin/absent",)),
    Case("program of another machine", odd(riscv()), (r"risc-?v|another machine|architecture",)),
    Case("dynamic loader is missing", odd(dynamic()), (r"ld-absent",)),
    Case("script with line ends of DOS", odd(b"#!/bin/sh\r\necho hi\r\n"),
         (r"\bCR\b|\\r|line end|DOS",)),
    Case("program on a noexec mount", noexec, (r"noexec", r"mounts\[\d+\]|/opt")),
    Case("program without execute bit", odd(b"#!/bin/sh\n", 0o644),
         (r"permission denied|execut", r"bit|mode|not executable|is not an? executable")),
    Case("program that the user may not execute", closed,
         (r"permission denied", r"uid|user|mode|0?700")),
    Case("program that is a directory", process(args=["/tmp"]), (r"/tmp", r"director")),
    Case("hook that takes too long", hook("createRuntime", "sleep 30", timeout=1),
         (r"createRuntime", r"time-?\s?out|timed out|did not end|deadline")),
    Case("hook that a signal ends", hook("createContainer", "kill -SEGV $$"),
         (r"createContainer", r"signal|segmentation")),
    Case("hook in the container that fails", hook("startContainer", "echo no disk >&2; exit 7"),
         (r"startContainer", r"\b7\b", r"no disk")),
    Case("hook without execute bit", hook_without_bit,
         (r"createRuntime|/hook", r"permission denied")),
    Case("overlay without its lower directory", overlay,
         (r"/absent/lower|lowerdir", r"mounts|/mnt")),
    Case("file system on what is no block device", no_block_device,
         (r"block device", r"disk|/mnt")),
    Case("hard limit that cannot be raised",
         process(rlimits=[{"type": "RLIMIT_NOFILE", "soft": 1 << 29, "hard": 1 << 29}]),
         (r"rlimits|RLIMIT_NOFILE", r"CAP_SYS_RESOURCE|permi")),
    Case("CPU that is not there", resources(cpu={"cpus": "900"}),
         (r"cpus", r"900")),
    Case("program that needs more memory than its limit", greedy,
         (r"memory", r"kill|oom|limit"), quiet=True),
    Case("program that the filter kills", killed_by_filter, (r"seccomp|filter",), quiet=True),
    Case("proc that another mount masks", masked_proc, (r"proc", r"/proc/(kcore|bus)"),
         wrap=("unshare", "--mount", "sh", "-c",
               'mount -t tmpfs none /proc/bus && exec "$@"', "sh")),
    Case("file where a device must be", file_at_device,
         (r"/?dev/taken", r"exist|not a device|type")),
]  # fmt: skip
