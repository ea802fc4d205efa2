"""Why the kernel cannot execute a program: what its file says (execve(2), elf(5)).

Imported only by `check` and after a failed execve.
"""

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.root_view import Found, RootView

# e_machine of <linux/elf-em.h>, as uname(2) calls the machines.
MACHINES = {
    3: "i386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64",
    183: "aarch64", 243: "riscv64", 258: "loongarch64",
}  # fmt: skip
# The machines whose 32-bit programs a kernel for 64 bits can run.
ALSO = {"x86_64": ("i386",), "aarch64": ("arm",), "ppc64le": ("ppc64",), "mips64": ("mips",)}
PT_INTERP = 3
HEAD = 4096
BINARIES = "/proc/sys/fs/binfmt_misc"


def lookup(view: "RootView", program: str, path: str, cwd: str) -> "tuple[list[Found], bool]":
    """(the files that the container finds for ``program``, in the order of PATH ``path``, those
    that are missing too; whether some place cannot be known before the container exists)."""
    if "/" in program:
        places = [program if program[0] == "/" else cwd + "/" + program]
    else:
        places = [folder + "/" + program for folder in path.split(":") if folder]
    found = [view.find(place) for place in places]
    return found, any(one.errno is None for one in found)


def is_executable(found: "Found") -> bool:
    """Whether it is a regular file with an execute bit."""
    return found.errno == 0 and found.mode & 0o170000 == 0o100000 and bool(found.mode & 0o111)


def problem(view: "RootView", found: "Found", depth: int = 0) -> str:
    """Why the kernel cannot execute the file, in words that begin with what it is; "" if nothing is
    seen."""
    head = found.read(HEAD)
    if head[:2] == b"#!":
        words = head[2:].partition(b"\n")[0].split()
        name = words[0].decode(errors="replace") if words else ""
        if not name:
            return "its #! line names no interpreter"
        if name[-1:] == "\r" or head.partition(b"\n")[0][-1:] == b"\r":
            return f'its interpreter is "{name}\\r": the file has line ends of DOS (CR LF)'
        return _interpreter(view, name, "its #! line names", depth)
    if head[:4] == b"\x7fELF":
        return _elf(view, head, depth)
    if not head or _is_handled_otherwise():
        return ""
    return "it is neither an ELF program nor a script that begins with #!"


def _elf(view: "RootView", head: bytes, depth: int) -> str:
    if len(head) < 64:
        return "it is an ELF file that ends in its header"
    wide = head[4] == 2
    order = "little" if head[5] == 1 else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(head[at : at + size], order)  # type: ignore[arg-type]

    machine = MACHINES.get(number(18, 2), f"machine {number(18, 2)} of ELF")
    if machine == "ppc64" and order == "little":
        machine = "ppc64le"
    here = posix.uname().machine
    here = "i386" if here in ("i486", "i586", "i686") else here
    here = "arm" if here.startswith("armv") else here
    if machine not in (here, *ALSO.get(here, ())) and not _is_handled_otherwise():
        return f"it is a program for {machine}, and this machine is {here}"
    kind = number(16, 2)
    if kind not in (2, 3):
        return "it is an ELF file, but no program (an object file or a core dump)"
    table, size, count = (
        (number(32, 8), number(54, 2), number(56, 2))
        if wide
        else (number(28, 4), number(42, 2), number(44, 2))
    )
    for index in range(min(count, 64)):
        at = table + index * size
        if number(at, 4) == PT_INTERP:
            offset = number(at + 8, 8) if wide else number(at + 4, 4)
            length = number(at + 32, 8) if wide else number(at + 16, 4)
            name = head[offset : offset + length].rstrip(b"\0").decode(errors="replace")
            if name:
                return _interpreter(view, name, "it needs the dynamic loader", depth)
    return ""


def _interpreter(view: "RootView", name: str, sentence: str, depth: int) -> str:
    inner = view.find(name)
    if inner.errno is None:
        return ""
    if inner.errno:
        return f"{sentence} {name}, which the root file system does not have"
    if not is_executable(inner):
        return f"{sentence} {name}, which is not executable"
    more = problem(view, inner, depth + 1) if depth < 4 else ""  # BINPRM_MAX_RECURSION
    return f"{sentence} {name}, and {more}" if more else ""


def _is_handled_otherwise() -> bool:
    """Whether the kernel knows other formats of programs here (binfmt_misc)."""
    try:
        return len(posix.listdir(BINARIES)) > 2  # register and status
    except OSError:
        return False
