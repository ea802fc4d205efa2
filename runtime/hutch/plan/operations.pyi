"""The types of operations.py. Generated from native/plan.def by native/generate.py."""

# ruff: noqa: A001, A002, E501, PYI021, RUF100

from typing import Final, Literal

from hutch.plan.plan import Later

Value = int | str | bytes | list[str] | Later

Record = tuple[int, str, str, tuple[str, ...], tuple[Value, ...]]

class _Operation(Record):
    code: Final[int]
    pointer: Final[str]
    reason: Final[str]
    parts: Final[tuple[str, ...]]
    values: Final[tuple[Value, ...]]
    @property
    def origin(self) -> str: ...

NAMES: Final[tuple[str, ...]]

def make(record: Record) -> Operation: ...

class Trace(_Operation):
    name: Final[Literal["trace"]]
    slot: Final[int]

class Join(_Operation):
    name: Final[Literal["join"]]
    slot: Final[int]
    flags: Final[int]

class Unshare(_Operation):
    name: Final[Literal["unshare"]]
    flags: Final[int]

class Clone(_Operation):
    name: Final[Literal["clone"]]
    flags: Final[int]

class EnterCgroups(_Operation):
    name: Final[Literal["enter_cgroups"]]
    slot: Final[int]
    tasks: Final[int | Later]

class Barrier(_Operation):
    name: Final[Literal["barrier"]]
    which: Final[int]

class AwaitStart(_Operation):
    name: Final[Literal["await_start"]]
    slot: Final[int]
    reply: Final[int]

class Outlive(_Operation):
    name: Final[Literal["outlive"]]

class Protect(_Operation):
    name: Final[Literal["protect"]]

class BecomeRoot(_Operation):
    name: Final[Literal["become_root"]]

class OpenProc(_Operation):
    name: Final[Literal["open_proc"]]

class Session(_Operation):
    name: Final[Literal["session"]]

class Keyring(_Operation):
    name: Final[Literal["keyring"]]
    description: Final[str]

class Loopback(_Operation):
    name: Final[Literal["loopback"]]

class Hostname(_Operation):
    name: Final[Literal["hostname"]]
    value: Final[str]

class Domainname(_Operation):
    name: Final[Literal["domainname"]]
    value: Final[str]

class Sysctl(_Operation):
    name: Final[Literal["sysctl"]]
    path: Final[str]
    value: Final[str]

class Propagation(_Operation):
    name: Final[Literal["propagation"]]
    flags: Final[int]

class OpenRoot(_Operation):
    name: Final[Literal["open_root"]]
    path: Final[str]
    propagation: Final[int]

class CurrentRoot(_Operation):
    name: Final[Literal["current_root"]]

class Mount(_Operation):
    name: Final[Literal["mount"]]
    fstype: Final[str]
    source: Final[str]
    target: Final[str]
    options: Final[list[str]]
    attributes: Final[int]
    flags: Final[int]
    propagation: Final[int]
    nofollow: Final[int]
    cover: Final[int]
    idmap: Final[int]

class Bind(_Operation):
    name: Final[Literal["bind"]]
    source: Final[str | Later]
    target: Final[str]
    recursive: Final[int]
    set: Final[int]
    clear: Final[int]
    deep_set: Final[int]
    deep_clear: Final[int]
    propagation: Final[int]
    tree: Final[int]

class Remount(_Operation):
    name: Final[Literal["remount"]]
    target: Final[str]
    options: Final[list[str]]
    bind: Final[int]
    set: Final[int]
    clear: Final[int]
    deep_set: Final[int]
    deep_clear: Final[int]
    propagation: Final[int]

class Symlink(_Operation):
    name: Final[Literal["symlink"]]
    target: Final[str]
    path: Final[str]
    replace: Final[int]

class Device(_Operation):
    name: Final[Literal["device"]]
    path: Final[str]
    type: Final[int]
    major: Final[int]
    minor: Final[int]
    mode: Final[int]
    uid: Final[int]
    gid: Final[int]
    host: Final[str | Later]
    bind: Final[int]

class Mask(_Operation):
    name: Final[Literal["mask"]]
    path: Final[str]

class Readonly(_Operation):
    name: Final[Literal["readonly"]]
    path: Final[str]

class MakeDirectory(_Operation):
    name: Final[Literal["make_directory"]]
    path: Final[str]
    mode: Final[int]

class RootAttributes(_Operation):
    name: Final[Literal["root_attributes"]]
    set: Final[int]
    propagation: Final[int]

class Pivot(_Operation):
    name: Final[Literal["pivot"]]
    mode: Final[int]

class Console(_Operation):
    name: Final[Literal["console"]]
    rows: Final[int]
    columns: Final[int]
    uid: Final[int]
    bind: Final[int]

class OwnStdio(_Operation):
    name: Final[Literal["own_stdio"]]
    uid: Final[int]

class Rlimit(_Operation):
    name: Final[Literal["rlimit"]]
    resource: Final[int]
    soft: Final[int]
    hard: Final[int]

class Affinity(_Operation):
    name: Final[Literal["affinity"]]
    cpus: Final[bytes]

class Scheduler(_Operation):
    name: Final[Literal["scheduler"]]
    policy: Final[int]
    flags: Final[int]
    nice: Final[int]
    priority: Final[int]
    runtime: Final[int]
    deadline: Final[int]
    period: Final[int]

class IoPriority(_Operation):
    name: Final[Literal["io_priority"]]
    priority: Final[int]

class MemoryPolicy(_Operation):
    name: Final[Literal["memory_policy"]]
    mode: Final[int]
    nodes: Final[bytes]

class Personality(_Operation):
    name: Final[Literal["personality"]]
    persona: Final[int]

class Apparmor(_Operation):
    name: Final[Literal["apparmor"]]
    profile: Final[str]

class Selinux(_Operation):
    name: Final[Literal["selinux"]]
    label: Final[str]

class KeyringLabel(_Operation):
    name: Final[Literal["keyring_label"]]
    label: Final[str]

class Chdir(_Operation):
    name: Final[Literal["chdir"]]
    path: Final[str]
    retry: Final[int]

class Umask(_Operation):
    name: Final[Literal["umask"]]
    mask: Final[int]

class Bounding(_Operation):
    name: Final[Literal["bounding"]]
    capabilities: Final[int]

class User(_Operation):
    name: Final[Literal["user"]]
    uid: Final[int]
    gid: Final[int]
    groups: Final[list[str]]
    keep_groups: Final[int]

class Capabilities(_Operation):
    name: Final[Literal["capabilities"]]
    effective: Final[int]
    permitted: Final[int]
    inheritable: Final[int]
    ambient: Final[int]

class Drop(_Operation):
    name: Final[Literal["drop"]]
    effective: Final[int]
    permitted: Final[int]
    inheritable: Final[int]

class NoNewPrivileges(_Operation):
    name: Final[Literal["no_new_privileges"]]

class Seccomp(_Operation):
    name: Final[Literal["seccomp"]]
    filter: Final[bytes]
    flags: Final[int]
    notify: Final[int]

class Home(_Operation):
    name: Final[Literal["home"]]
    uid: Final[int]

class Lookup(_Operation):
    name: Final[Literal["lookup"]]
    file: Final[str]
    path: Final[str]

class Hook(_Operation):
    name: Final[Literal["hook"]]
    path: Final[str]
    args: Final[list[str]]
    env: Final[list[str]]
    cwd: Final[str]
    timeout: Final[int]
    state_head: Final[str]
    state_tail: Final[str]

class Supervise(_Operation):
    name: Final[Literal["supervise"]]
    slot: Final[int]
    stay: Final[int]

class Exec(_Operation):
    name: Final[Literal["exec"]]
    args: Final[list[str]]
    env: Final[list[str]]

Operation = (
    Trace
    | Join
    | Unshare
    | Clone
    | EnterCgroups
    | Barrier
    | AwaitStart
    | Outlive
    | Protect
    | BecomeRoot
    | OpenProc
    | Session
    | Keyring
    | Loopback
    | Hostname
    | Domainname
    | Sysctl
    | Propagation
    | OpenRoot
    | CurrentRoot
    | Mount
    | Bind
    | Remount
    | Symlink
    | Device
    | Mask
    | Readonly
    | MakeDirectory
    | RootAttributes
    | Pivot
    | Console
    | OwnStdio
    | Rlimit
    | Affinity
    | Scheduler
    | IoPriority
    | MemoryPolicy
    | Personality
    | Apparmor
    | Selinux
    | KeyringLabel
    | Chdir
    | Umask
    | Bounding
    | User
    | Capabilities
    | Drop
    | NoNewPrivileges
    | Seccomp
    | Home
    | Lookup
    | Hook
    | Supervise
    | Exec
)

def trace(pointer: str, slot: int, *, reason: str = "") -> Trace: ...
def join(pointer: str, slot: int, flags: int, *, reason: str = "") -> Join: ...
def unshare(pointer: str, flags: int, *, reason: str = "") -> Unshare: ...
def clone(pointer: str, flags: int, *, reason: str = "") -> Clone: ...
def enter_cgroups(
    pointer: str, slot: int, tasks: int | Later, *, reason: str = ""
) -> EnterCgroups: ...
def barrier(pointer: str, which: int, *, reason: str = "") -> Barrier: ...
def await_start(pointer: str, slot: int, reply: int, *, reason: str = "") -> AwaitStart: ...
def outlive(pointer: str = "", *, reason: str = "") -> Outlive: ...
def protect(pointer: str = "", *, reason: str = "") -> Protect: ...
def become_root(pointer: str = "", *, reason: str = "") -> BecomeRoot: ...
def open_proc(pointer: str = "", *, reason: str = "") -> OpenProc: ...
def session(pointer: str = "", *, reason: str = "") -> Session: ...
def keyring(pointer: str, description: str, *, reason: str = "") -> Keyring: ...
def loopback(pointer: str = "", *, reason: str = "") -> Loopback: ...
def hostname(pointer: str, value: str, *, reason: str = "") -> Hostname: ...
def domainname(pointer: str, value: str, *, reason: str = "") -> Domainname: ...
def sysctl(pointer: str, path: str, value: str, *, reason: str = "") -> Sysctl: ...
def propagation(pointer: str, flags: int, *, reason: str = "") -> Propagation: ...
def open_root(pointer: str, path: str, propagation: int, *, reason: str = "") -> OpenRoot: ...
def current_root(pointer: str = "", *, reason: str = "") -> CurrentRoot: ...
def mount(
    pointer: str,
    *,
    fstype: str,
    source: str,
    target: str,
    options: list[str],
    attributes: int = 0,
    flags: int = 0,
    propagation: int = 0,
    nofollow: int = 0,
    cover: int = 0,
    idmap: int = 0,
    reason: str = "",
    parts: tuple[str, ...] = (),
) -> Mount: ...
def bind(
    pointer: str,
    *,
    source: str | Later,
    target: str,
    recursive: int = 0,
    set: int = 0,
    clear: int = 0,
    deep_set: int = 0,
    deep_clear: int = 0,
    propagation: int = 0,
    tree: int = 0,
    reason: str = "",
) -> Bind: ...
def remount(
    pointer: str,
    *,
    target: str,
    options: list[str],
    bind: int = 0,
    set: int = 0,
    clear: int = 0,
    deep_set: int = 0,
    deep_clear: int = 0,
    propagation: int = 0,
    reason: str = "",
    parts: tuple[str, ...] = (),
) -> Remount: ...
def symlink(
    pointer: str, *, target: str, path: str, replace: int = 0, reason: str = ""
) -> Symlink: ...
def device(
    pointer: str,
    *,
    path: str,
    type: int,
    major: int,
    minor: int,
    mode: int,
    uid: int,
    gid: int,
    host: str | Later,
    bind: int = 0,
    reason: str = "",
) -> Device: ...
def mask(pointer: str, path: str, *, reason: str = "") -> Mask: ...
def readonly(pointer: str, path: str, *, reason: str = "") -> Readonly: ...
def make_directory(pointer: str, path: str, mode: int, *, reason: str = "") -> MakeDirectory: ...
def root_attributes(
    pointer: str, set: int = 0, propagation: int = 0, *, reason: str = ""
) -> RootAttributes: ...
def pivot(pointer: str, mode: int, *, reason: str = "") -> Pivot: ...
def console(
    pointer: str, *, rows: int, columns: int, uid: int, bind: int, reason: str = ""
) -> Console: ...
def own_stdio(pointer: str, uid: int, *, reason: str = "") -> OwnStdio: ...
def rlimit(pointer: str, *, resource: int, soft: int, hard: int, reason: str = "") -> Rlimit: ...
def affinity(pointer: str, cpus: bytes, *, reason: str = "") -> Affinity: ...
def scheduler(
    pointer: str,
    *,
    policy: int,
    flags: int = 0,
    nice: int = 0,
    priority: int = 0,
    runtime: int = 0,
    deadline: int = 0,
    period: int = 0,
    reason: str = "",
) -> Scheduler: ...
def io_priority(pointer: str, priority: int, *, reason: str = "") -> IoPriority: ...
def memory_policy(pointer: str, mode: int, nodes: bytes, *, reason: str = "") -> MemoryPolicy: ...
def personality(pointer: str, persona: int, *, reason: str = "") -> Personality: ...
def apparmor(pointer: str, profile: str, *, reason: str = "") -> Apparmor: ...
def selinux(pointer: str, label: str, *, reason: str = "") -> Selinux: ...
def keyring_label(pointer: str, label: str, *, reason: str = "") -> KeyringLabel: ...
def chdir(pointer: str, path: str, retry: int = 0, *, reason: str = "") -> Chdir: ...
def umask(pointer: str, mask: int, *, reason: str = "") -> Umask: ...
def bounding(pointer: str, capabilities: int, *, reason: str = "") -> Bounding: ...
def user(
    pointer: str, *, uid: int, gid: int, groups: list[str], keep_groups: int = 0, reason: str = ""
) -> User: ...
def capabilities(
    pointer: str,
    *,
    effective: int,
    permitted: int,
    inheritable: int,
    ambient: int,
    reason: str = "",
) -> Capabilities: ...
def drop(
    pointer: str, *, effective: int, permitted: int, inheritable: int, reason: str = ""
) -> Drop: ...
def no_new_privileges(pointer: str = "", *, reason: str = "") -> NoNewPrivileges: ...
def seccomp(
    pointer: str, *, filter: bytes, flags: int, notify: int, reason: str = ""
) -> Seccomp: ...
def home(pointer: str, uid: int, *, reason: str = "") -> Home: ...
def lookup(pointer: str, file: str, path: str, *, reason: str = "") -> Lookup: ...
def hook(
    pointer: str,
    *,
    path: str,
    args: list[str],
    env: list[str],
    cwd: str,
    timeout: int,
    state_head: str,
    state_tail: str,
    reason: str = "",
) -> Hook: ...
def supervise(pointer: str, slot: int, stay: int = 0, *, reason: str = "") -> Supervise: ...
def exec(pointer: str, args: list[str], env: list[str], *, reason: str = "") -> Exec: ...

AT: Final[int]
FAIL: Final[int]
FD: Final[int]
PID: Final[int]
LISTENER: Final[int]
ASK: Final[int]
WARN: Final[int]
GO_ON: Final[int]
SEND: Final[int]
COVER_MODE: Final[int]
COVER_OWNER: Final[int]
COVER_CONTENTS: Final[int]
PIVOT_ROOT: Final[int]
PIVOT_MOVE: Final[int]
PIVOT_CHROOT: Final[int]
FAILURE: Final[str]
