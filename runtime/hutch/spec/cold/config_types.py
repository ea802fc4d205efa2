"""The types of config.json: what check() lets pass. Generated from spec/table.py by
runtime/generate_config_types.py.

A checked config is plain dicts, lists, strings and numbers. hutch itself imports these names only
under ``if TYPE_CHECKING``; people's own programs may at any time, from hutch.spec.config.
"""

from typing import Literal, Never, Required, TypedDict

SchedulerPolicy = Literal[
    "SCHED_OTHER",
    "SCHED_FIFO",
    "SCHED_RR",
    "SCHED_BATCH",
    "SCHED_ISO",
    "SCHED_IDLE",
    "SCHED_DEADLINE",
]
SchedulerFlag = Literal[
    "SCHED_FLAG_RESET_ON_FORK",
    "SCHED_FLAG_RECLAIM",
    "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS",
    "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX",
]
IoPriorityClass = Literal["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"]
SeccompAction = Literal[
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
]
SeccompArchitecture = Literal[
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_SH",
    "SCMP_ARCH_SHEB",
]
SeccompFlag = Literal[
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
]
SeccompOperator = Literal[
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
]
NamespaceType = Literal["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"]
MemoryPolicyMode = Literal[
    "MPOL_DEFAULT",
    "MPOL_BIND",
    "MPOL_INTERLEAVE",
    "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED",
    "MPOL_PREFERRED_MANY",
    "MPOL_LOCAL",
]
MemoryPolicyFlag = Literal["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]
RootfsPropagation = Literal[
    "shared",
    "slave",
    "private",
    "unbindable",
    "rshared",
    "rslave",
    "rprivate",
    "runbindable",
]


class IdMapping(TypedDict):
    """config-linux.md, "User namespace mappings"."""

    containerID: int
    hostID: int
    size: int


class Root(TypedDict, total=False):
    """config.md, "Root"; a relative path starts at the bundle."""

    path: Required[str]
    readonly: bool


class ConsoleSize(TypedDict):
    """In characters."""

    height: int
    width: int


class User(TypedDict, total=False):
    """config.md, "POSIX-platform User". All runtimes take 0 for a missing uid or gid, and root for
    a missing user.
    """

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
    """The five sets of a thread (capabilities(7)). Unknown names are only warnings (config.md), so
    any string is allowed here.
    """

    effective: list[str]
    bounding: list[str]
    inheritable: list[str]
    permitted: list[str]
    ambient: list[str]


class Scheduler(TypedDict, total=False):
    """sched_setattr(2); the times in nanoseconds."""

    policy: Required[SchedulerPolicy]
    nice: int
    priority: int
    flags: list[SchedulerFlag]
    runtime: int
    deadline: int
    period: int


# ioprio_set(2).
IoPriority = TypedDict(
    "IoPriority", {"class": Required[IoPriorityClass], "priority": int}, total=False
)


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


class CheckedProcess(Process):
    """What check_process() has let pass; the field is there for the type checker alone."""

    _checked: Never


class Mount(TypedDict, total=False):
    """config.md, "Mounts"."""

    destination: Required[str]
    source: str
    options: list[str]
    type: str
    uidMappings: list[IdMapping]
    gidMappings: list[IdMapping]


class Hook(TypedDict, total=False):
    """config.md, "POSIX-platform Hooks"; the timeout in seconds."""

    path: Required[str]
    args: list[str]
    env: list[str]
    timeout: int


class Hooks(TypedDict, total=False):
    """config.md, "POSIX-platform Hooks": each list runs at another point of the lifecycle."""

    prestart: list[Hook]
    createRuntime: list[Hook]
    createContainer: list[Hook]
    startContainer: list[Hook]
    poststart: list[Hook]
    poststop: list[Hook]


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
    """A limit in bytes."""

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
    """-1 is no limit; 0 is a limit."""

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


class CheckedResources(Resources):
    """What check_resources() has let pass; the field is there for the type checker alone."""

    _checked: Never


class SyscallArgument(TypedDict, total=False):
    """A comparison of one argument, 0 to 5."""

    index: Required[int]
    value: Required[int]
    valueTwo: int
    op: Required[SeccompOperator]


class Syscall(TypedDict, total=False):
    """A rule of a seccomp profile."""

    names: Required[list[str]]
    action: Required[SeccompAction]
    errnoRet: int
    args: list[SyscallArgument]


class Seccomp(TypedDict, total=False):
    """config-linux.md, "Seccomp"."""

    defaultAction: Required[SeccompAction]
    defaultErrnoRet: int
    architectures: list[SeccompArchitecture]
    flags: list[SeccompFlag]
    listenerPath: str
    listenerMetadata: str
    syscalls: list[Syscall]


class Namespace(TypedDict, total=False):
    """config-linux.md, "Namespaces"; without a path the namespace is new."""

    type: Required[NamespaceType]
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


class IntelRdt(TypedDict, total=False):
    """config-linux.md, "IntelRdt"."""

    closID: str
    schemata: list[str]
    l3CacheSchema: str
    memBwSchema: str
    enableMonitoring: bool


class MemoryPolicy(TypedDict, total=False):
    """set_mempolicy(2)."""

    mode: Required[MemoryPolicyMode]
    nodes: str
    flags: list[MemoryPolicyFlag]


class Personality(TypedDict, total=False):
    """personality(2)."""

    domain: Required[Literal["LINUX", "LINUX32"]]
    flags: list[str]


class Linux(TypedDict, total=False):
    """config-linux.md."""

    namespaces: list[Namespace]
    uidMappings: list[IdMapping]
    gidMappings: list[IdMapping]
    timeOffsets: dict[Literal["monotonic", "boottime"], TimeOffset]
    devices: list[Device]
    netDevices: dict[str, NetDevice]
    cgroupsPath: str
    resources: Resources
    intelRdt: IntelRdt
    memoryPolicy: MemoryPolicy
    sysctl: dict[str, str]
    seccomp: Seccomp
    rootfsPropagation: RootfsPropagation
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
    windows: object
    solaris: object
    vm: object
    zos: object
    freebsd: object


class CheckedConfig(Config):
    """What check() has let pass; the field is there for the type checker alone."""

    _checked: Never
