"""The types of config.json for a type checker: what decode() returns and check() lets pass.

A checked config is plain dicts, lists, strings and numbers. Only ``if TYPE_CHECKING`` blocks and
people's own programs import these names. The constraints are in the table (table.py); a test holds
the fields of the two together.
"""

from typing import Any, Literal, Required, TypedDict


class IdMapping(TypedDict):
    """config-linux.md, "User namespace mappings"."""

    containerID: int
    hostID: int
    size: int


class Root(TypedDict, total=False):
    """config.md, "Root"; a relative path begins at the bundle."""

    path: Required[str]
    readonly: bool


class Mount(TypedDict, total=False):
    """config.md, "Mounts"."""

    destination: Required[str]
    type: str
    source: str
    options: list[str]
    uidMappings: list[IdMapping]
    gidMappings: list[IdMapping]


class Hook(TypedDict, total=False):
    """config.md, "POSIX-platform Hooks"; the timeout in seconds."""

    path: Required[str]
    args: list[str]
    env: list[str]
    timeout: int


class Hooks(TypedDict, total=False):
    """By the point of the container's life at which they run."""

    prestart: list[Hook]
    createRuntime: list[Hook]
    createContainer: list[Hook]
    startContainer: list[Hook]
    poststart: list[Hook]
    poststop: list[Hook]


class ConsoleSize(TypedDict):
    """In characters."""

    height: int
    width: int


class User(TypedDict, total=False):
    """config.md, "POSIX-platform User"."""

    uid: int
    gid: int
    umask: int
    additionalGids: list[int]
    username: str


class Rlimit(TypedDict):
    """config.md, "POSIX process"."""

    type: str
    soft: int
    hard: int


class Capabilities(TypedDict, total=False):
    """The five sets of a thread (capabilities(7))."""

    effective: list[str]
    bounding: list[str]
    inheritable: list[str]
    permitted: list[str]
    ambient: list[str]


class Scheduler(TypedDict, total=False):
    """sched_setattr(2); the times in nanoseconds."""

    policy: Required[str]
    nice: int
    priority: int
    flags: list[str]
    runtime: int
    deadline: int
    period: int


# "class" is a keyword, so this one cannot be a class.
IoPriority = TypedDict("IoPriority", {"class": Required[str], "priority": int}, total=False)


class ExecCpuAffinity(TypedDict, total=False):
    """Lists such as "0-3,7"."""

    initial: str
    final: str


class Process(TypedDict, total=False):
    """config.md, "Process"."""

    terminal: bool
    consoleSize: ConsoleSize
    cwd: Required[str]
    env: list[str]
    args: Required[list[str]]
    commandLine: str
    rlimits: list[Rlimit]
    apparmorProfile: str
    capabilities: Capabilities
    noNewPrivileges: bool
    oomScoreAdj: int
    scheduler: Scheduler
    selinuxLabel: str
    ioPriority: IoPriority
    execCPUAffinity: ExecCpuAffinity
    user: User


class Namespace(TypedDict, total=False):
    """config-linux.md, "Namespaces"; without a path a new one is made."""

    type: Required[Literal["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"]]
    path: str


class TimeOffset(TypedDict, total=False):
    """time_namespaces(7)."""

    secs: int
    nanosecs: int


class Device(TypedDict, total=False):
    """config-linux.md, "Devices"; no numbers for a FIFO."""

    type: Required[Literal["c", "b", "u", "p"]]
    path: Required[str]
    major: int
    minor: int
    fileMode: int
    uid: int
    gid: int


class NetDevice(TypedDict, total=False):
    """config-linux.md, "Network Devices": the name inside."""

    name: str


class DeviceRule(TypedDict, total=False):
    """config-linux.md, "Allowed Device list"."""

    allow: Required[bool]
    type: Literal["a", "c", "b"]
    major: int
    minor: int
    access: str


class Memory(TypedDict, total=False):
    """Bytes, -1 for no limit; swap counts memory and swap together."""

    limit: int
    reservation: int
    swap: int
    kernel: int
    kernelTCP: int
    swappiness: int
    disableOOMKiller: bool
    useHierarchy: bool
    checkBeforeUpdate: bool


class Cpu(TypedDict, total=False):
    """Times in microseconds."""

    shares: int
    quota: int
    burst: int
    period: int
    realtimeRuntime: int
    realtimePeriod: int
    cpus: str
    mems: str
    idle: int


class WeightDevice(TypedDict, total=False):
    """A block device's share."""

    major: Required[int]
    minor: Required[int]
    weight: int
    leafWeight: int


class ThrottleDevice(TypedDict):
    """A block device's bytes or operations a second."""

    major: int
    minor: int
    rate: int


class BlockIo(TypedDict, total=False):
    """config-linux.md, "Block IO"."""

    weight: int
    leafWeight: int
    weightDevice: list[WeightDevice]
    throttleReadBpsDevice: list[ThrottleDevice]
    throttleWriteBpsDevice: list[ThrottleDevice]
    throttleReadIOPSDevice: list[ThrottleDevice]
    throttleWriteIOPSDevice: list[ThrottleDevice]


class HugepageLimit(TypedDict):
    """A page size such as "2MB", a limit in bytes."""

    pageSize: str
    limit: int


class InterfacePriority(TypedDict):
    """net_prio of cgroup v1."""

    name: str
    priority: int


class Network(TypedDict, total=False):
    """net_cls and net_prio of cgroup v1."""

    classID: int
    priorities: list[InterfacePriority]


class Pids(TypedDict, total=False):
    """-1 for no limit; 0 is one."""

    limit: int


class Rdma(TypedDict, total=False):
    """The limits of one device."""

    hcaHandles: int
    hcaObjects: int


class Resources(TypedDict, total=False):
    """config-linux.md, "Control groups"."""

    devices: list[DeviceRule]
    memory: Memory
    cpu: Cpu
    blockIO: BlockIo
    hugepageLimits: list[HugepageLimit]
    network: Network
    pids: Pids
    rdma: dict[str, Rdma]
    unified: dict[str, str]


class IntelRdt(TypedDict, total=False):
    """config-linux.md, "IntelRdt"."""

    closID: str
    schemata: list[str]
    l3CacheSchema: str
    memBwSchema: str
    enableMonitoring: bool


class MemoryPolicy(TypedDict, total=False):
    """set_mempolicy(2)."""

    mode: Required[str]
    nodes: str
    flags: list[str]


class SyscallArgument(TypedDict, total=False):
    """A comparison of one argument, 0 to 5."""

    index: Required[int]
    value: Required[int]
    valueTwo: int
    op: Required[str]


class Syscall(TypedDict, total=False):
    """A rule of a seccomp profile."""

    names: Required[list[str]]
    action: Required[str]
    errnoRet: int
    args: list[SyscallArgument]


class Seccomp(TypedDict, total=False):
    """config-linux.md, "Seccomp"."""

    defaultAction: Required[str]
    defaultErrnoRet: int
    architectures: list[str]
    flags: list[str]
    listenerPath: str
    listenerMetadata: str
    syscalls: list[Syscall]


class Personality(TypedDict, total=False):
    """personality(2)."""

    domain: Required[Literal["LINUX", "LINUX32"]]
    flags: list[str]


class Linux(TypedDict, total=False):
    """config-linux.md."""

    namespaces: list[Namespace]
    uidMappings: list[IdMapping]
    gidMappings: list[IdMapping]
    timeOffsets: dict[str, TimeOffset]
    devices: list[Device]
    netDevices: dict[str, NetDevice]
    cgroupsPath: str
    resources: Resources
    intelRdt: IntelRdt
    memoryPolicy: MemoryPolicy
    sysctl: dict[str, str]
    seccomp: Seccomp
    rootfsPropagation: str
    maskedPaths: list[str]
    readonlyPaths: list[str]
    mountLabel: str
    personality: Personality


class Config(TypedDict, total=False):
    """config.md: the whole of config.json."""

    ociVersion: Required[str]
    root: Required[Root]
    mounts: list[Mount]
    process: Process
    hostname: str
    domainname: str
    hooks: Hooks
    annotations: dict[str, str]
    linux: Linux
    windows: Any
    solaris: Any
    vm: Any
    zos: Any
    freebsd: Any
