"""All fields of config.json for Linux (runtime-spec 1.3): their types, ranges and formats.

The quick check (check.py), the JSON Schema (schema.py) and the list of known names all come from
this table. If config.md or config-linux.md differs from the JSON Schema of the specification, the
text counts, as config.md says. If the kernel has a smaller range than the specification's type, the
range here is the kernel's. In a table of fields, None is the type of an object for another
platform: the field is known, but its content is not checked.

runtime/generate_config_types.py writes the types for type checkers (config.py) from this table. A
record or a list of words gets its name from its constant (``ID_MAPPING``: IdMapping), and its
description from the comment above.
"""

from hutch.spec import formats
from hutch.spec.rlimits import RLIMITS
from hutch.spec.shapes import (
    BOOLEAN,
    INT64,
    STRING,
    UINT16,
    UINT32,
    UINT64,
    array,
    mapping,
    number,
    one_of,
    record,
    text,
)

STRINGS = array(STRING)
ABSOLUTE_PATH = text("an absolute path", formats.absolute_path)
NOT_EMPTY = text("a string that is not empty", formats.not_empty)
ENVIRONMENT = array(text('of the form "NAME=value"', formats.variable))
NUMBER_LIST = text('a list such as "0-3,7"', formats.number_list)
INTERFACE = text("the name of a network device", formats.interface)
HOSTNAME = text("at most 64 bytes long", formats.hostname)

# The largest id, (uid_t)-1, means "none" to the kernel (security.md S-09).
USER_ID = number(0, (1 << 32) - 2)
# The kernel's dev_t has 12 bits for the major number and 20 for the minor.
MAJOR = number(0, (1 << 12) - 1)
MINOR = number(0, (1 << 20) - 1)
# Engines write -1 for "all numbers"; the specification leaves the field out.
MAJOR_OR_ALL = number(-1, (1 << 12) - 1)
MINOR_OR_ALL = number(-1, (1 << 20) - 1)
# Bytes, or -1 for no limit.
LIMIT = number(-1, (1 << 63) - 1)
# Microseconds; the kernel stores them as nanoseconds in 64 bits. -1 is no limit.
TIME = number(0, ((1 << 63) - 1) // 1000)
TIME_LIMIT = number(-1, ((1 << 63) - 1) // 1000)
# A weight of cgroup v1's blkio: 10 to 1000; 0 means "not set".
WEIGHT = number(0, 1000)
# 16 bits, the size of SECCOMP_RET_DATA; linux_rules.py checks the largest errno.
ERRNO = UINT16

# config-linux.md, "User namespace mappings".
ID_MAPPING = record(
    {"containerID": UINT32, "hostID": UINT32, "size": number(1, (1 << 32) - 1)},
    "containerID",
    "hostID",
    "size",
)
ID_MAPPINGS = array(ID_MAPPING)

# config.md, "Root"; a relative path starts at the bundle.
ROOT = record({"path": NOT_EMPTY, "readonly": BOOLEAN}, "path")

# In characters.
CONSOLE_SIZE = record({"height": UINT64, "width": UINT64}, "height", "width")

# config.md, "POSIX-platform User". All runtimes take 0 for a missing uid or gid, and root for a
# missing user.
USER = record(
    {
        "uid": USER_ID,
        "gid": USER_ID,
        "umask": number(0, 0o777),
        "additionalGids": array(USER_ID),
        "username": STRING,
    }
)

# config.md, "POSIX process".
RLIMIT = record({"type": one_of(*RLIMITS), "soft": UINT64, "hard": UINT64}, "type", "soft", "hard")

# The five sets of a thread (capabilities(7)). Unknown names are only warnings (config.md), so any
# string is allowed here.
CAPABILITIES = record(
    {
        "effective": STRINGS,
        "bounding": STRINGS,
        "inheritable": STRINGS,
        "permitted": STRINGS,
        "ambient": STRINGS,
    }
)

SCHEDULER_POLICY = one_of(
    "SCHED_OTHER",
    "SCHED_FIFO",
    "SCHED_RR",
    "SCHED_BATCH",
    "SCHED_ISO",
    "SCHED_IDLE",
    "SCHED_DEADLINE",
)

SCHEDULER_FLAG = one_of(
    "SCHED_FLAG_RESET_ON_FORK",
    "SCHED_FLAG_RECLAIM",
    "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS",
    "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX",
)

# sched_setattr(2); the times in nanoseconds.
SCHEDULER = record(
    {
        "policy": SCHEDULER_POLICY,
        "nice": number(-20, 19),
        "priority": number(0, 99),
        "flags": array(SCHEDULER_FLAG),
        "runtime": UINT64,
        "deadline": UINT64,
        "period": UINT64,
    },
    "policy",
)

IO_PRIORITY_CLASS = one_of("IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE")

# ioprio_set(2).
IO_PRIORITY = record({"class": IO_PRIORITY_CLASS, "priority": number(0, 7)}, "class")

# Lists such as "0-3,7".
EXEC_CPU_AFFINITY = record({"initial": NUMBER_LIST, "final": NUMBER_LIST})

# config.md, "Process".
PROCESS = record(
    {
        "terminal": BOOLEAN,
        "consoleSize": CONSOLE_SIZE,
        "cwd": ABSOLUTE_PATH,
        "env": ENVIRONMENT,
        "args": array(STRING, 1),
        "commandLine": STRING,
        "rlimits": array(RLIMIT),
        "apparmorProfile": STRING,
        "capabilities": CAPABILITIES,
        "noNewPrivileges": BOOLEAN,
        "oomScoreAdj": number(-1000, 1000),
        "scheduler": SCHEDULER,
        "selinuxLabel": STRING,
        "ioPriority": IO_PRIORITY,
        "execCPUAffinity": EXEC_CPU_AFFINITY,
        "user": USER,
    },
    "cwd",
    "args",
)

# config.md, "Mounts".
MOUNT = record(
    {
        "destination": text("an absolute path", formats.destination),
        "source": STRING,
        "options": STRINGS,
        "type": STRING,
        "uidMappings": ID_MAPPINGS,
        "gidMappings": ID_MAPPINGS,
    },
    "destination",
)

# config.md, "POSIX-platform Hooks"; the timeout in seconds.
HOOK = record(
    {
        "path": ABSOLUTE_PATH,
        "args": STRINGS,
        "env": ENVIRONMENT,
        "timeout": number(1, (1 << 31) - 1),
    },
    "path",
)

# config.md, "POSIX-platform Hooks": each list runs at another point of the lifecycle.
HOOKS = record(
    {
        "prestart": array(HOOK),
        "createRuntime": array(HOOK),
        "createContainer": array(HOOK),
        "startContainer": array(HOOK),
        "poststart": array(HOOK),
        "poststop": array(HOOK),
    }
)

# config-linux.md, "Allowed Device list".
DEVICE_RULE = record(
    {
        "allow": BOOLEAN,
        "type": one_of("a", "c", "b"),
        "major": MAJOR_OR_ALL,
        "minor": MINOR_OR_ALL,
        "access": text("made of the letters r, w and m", formats.device_access),
    },
    "allow",
)

# Bytes, -1 for no limit; swap counts memory and swap together.
MEMORY = record(
    {
        "limit": LIMIT,
        "reservation": LIMIT,
        "swap": LIMIT,
        "kernel": LIMIT,
        "kernelTCP": LIMIT,
        "swappiness": number(0, 100),
        "disableOOMKiller": BOOLEAN,
        "useHierarchy": BOOLEAN,
        "checkBeforeUpdate": BOOLEAN,
    }
)

# Times in microseconds.
CPU = record(
    {
        "shares": UINT64,
        "quota": TIME_LIMIT,
        "burst": TIME,
        "period": number(0, 1_000_000),
        "realtimeRuntime": TIME_LIMIT,
        "realtimePeriod": TIME,
        "cpus": NUMBER_LIST,
        "mems": NUMBER_LIST,
        "idle": number(0, 1),
    }
)

# A block device's share.
WEIGHT_DEVICE = record(
    {"major": MAJOR, "minor": MINOR, "weight": WEIGHT, "leafWeight": WEIGHT}, "major", "minor"
)

# A block device's bytes or operations a second.
THROTTLE_DEVICE = record({"major": MAJOR, "minor": MINOR, "rate": UINT64}, "major", "minor", "rate")

# config-linux.md, "Block IO".
BLOCK_IO = record(
    {
        "weight": WEIGHT,
        "leafWeight": WEIGHT,
        "weightDevice": array(WEIGHT_DEVICE),
        "throttleReadBpsDevice": array(THROTTLE_DEVICE),
        "throttleWriteBpsDevice": array(THROTTLE_DEVICE),
        "throttleReadIOPSDevice": array(THROTTLE_DEVICE),
        "throttleWriteIOPSDevice": array(THROTTLE_DEVICE),
    }
)

# A limit in bytes.
HUGEPAGE_LIMIT = record(
    {"pageSize": text("a size such as 64KB, 2MB or 1GB", formats.page_size), "limit": UINT64},
    "pageSize",
    "limit",
)

# net_prio of cgroup v1.
INTERFACE_PRIORITY = record({"name": INTERFACE, "priority": UINT32}, "name", "priority")

# net_cls and net_prio of cgroup v1.
NETWORK = record({"classID": UINT32, "priorities": array(INTERFACE_PRIORITY)})

# -1 is no limit; 0 is a limit.
PIDS = record({"limit": LIMIT})

# The limits of one device.
RDMA = record({"hcaHandles": UINT32, "hcaObjects": UINT32})

# config-linux.md, "Control groups".
RESOURCES = record(
    {
        "devices": array(DEVICE_RULE),
        "memory": MEMORY,
        "cpu": CPU,
        "blockIO": BLOCK_IO,
        "hugepageLimits": array(HUGEPAGE_LIMIT),
        "network": NETWORK,
        "pids": PIDS,
        "rdma": mapping(text("the name of a device", formats.word), RDMA),
        "unified": mapping(text("the name of a cgroup file", formats.cgroup_file), STRING),
    }
)

SECCOMP_ACTION = one_of(
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
)

SECCOMP_ARCHITECTURE = one_of(
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
)

SECCOMP_FLAG = one_of(
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
)

SECCOMP_OPERATOR = one_of(
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
)

# A comparison of one argument, 0 to 5.
SYSCALL_ARGUMENT = record(
    {"index": number(0, 5), "value": UINT64, "valueTwo": UINT64, "op": SECCOMP_OPERATOR},
    "index",
    "value",
    "op",
)

# A rule of a seccomp profile.
SYSCALL = record(
    {
        "names": array(NOT_EMPTY, 1),
        "action": SECCOMP_ACTION,
        "errnoRet": ERRNO,
        "args": array(SYSCALL_ARGUMENT),
    },
    "names",
    "action",
)

# config-linux.md, "Seccomp".
SECCOMP = record(
    {
        "defaultAction": SECCOMP_ACTION,
        "defaultErrnoRet": ERRNO,
        "architectures": array(SECCOMP_ARCHITECTURE),
        "flags": array(SECCOMP_FLAG),
        "listenerPath": STRING,
        "listenerMetadata": STRING,
        "syscalls": array(SYSCALL),
    },
    "defaultAction",
)

NAMESPACE_TYPE = one_of("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time")

# config-linux.md, "Namespaces"; without a path the namespace is new.
NAMESPACE = record(
    {"type": NAMESPACE_TYPE, "path": text("an absolute path", formats.absolute_path_or_none)},
    "type",
)

# time_namespaces(7).
TIME_OFFSET = record({"secs": INT64, "nanosecs": number(0, 999_999_999)})

# config-linux.md, "Devices"; no numbers for a FIFO.
DEVICE = record(
    {
        "type": one_of("c", "b", "u", "p"),
        "path": text('an absolute path without ".."', formats.device_path),
        "major": MAJOR,
        "minor": MINOR,
        "fileMode": UINT32,
        "uid": USER_ID,
        "gid": USER_ID,
    },
    "type",
    "path",
)

# config-linux.md, "Network Devices": the name inside.
NET_DEVICE = record({"name": INTERFACE})

# config-linux.md, "IntelRdt".
INTEL_RDT = record(
    {
        "closID": text('the name of a directory, or "/"', formats.class_of_service),
        "schemata": array(text("a single line", formats.one_line)),
        "l3CacheSchema": text("a single line", formats.one_line),
        "memBwSchema": text('a single line that begins with "MB:"', formats.memory_bandwidth),
        "enableMonitoring": BOOLEAN,
    }
)

MEMORY_POLICY_MODE = one_of(
    "MPOL_DEFAULT",
    "MPOL_BIND",
    "MPOL_INTERLEAVE",
    "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED",
    "MPOL_PREFERRED_MANY",
    "MPOL_LOCAL",
)

MEMORY_POLICY_FLAG = one_of("MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES")

# set_mempolicy(2).
MEMORY_POLICY = record(
    {"mode": MEMORY_POLICY_MODE, "nodes": NUMBER_LIST, "flags": array(MEMORY_POLICY_FLAG)}, "mode"
)

# personality(2).
PERSONALITY = record({"domain": one_of("LINUX", "LINUX32"), "flags": STRINGS}, "domain")

# Docker and Podman ask for the recursive forms.
ROOTFS_PROPAGATION = one_of(
    "shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"
)

# config-linux.md.
LINUX = record(
    {
        "namespaces": array(NAMESPACE),
        "uidMappings": ID_MAPPINGS,
        "gidMappings": ID_MAPPINGS,
        "timeOffsets": mapping(one_of("monotonic", "boottime"), TIME_OFFSET),
        "devices": array(DEVICE),
        "netDevices": mapping(INTERFACE, NET_DEVICE),
        "cgroupsPath": STRING,
        "resources": RESOURCES,
        "intelRdt": INTEL_RDT,
        "memoryPolicy": MEMORY_POLICY,
        "sysctl": mapping(NOT_EMPTY, STRING),
        "seccomp": SECCOMP,
        "rootfsPropagation": ROOTFS_PROPAGATION,
        "maskedPaths": array(ABSOLUTE_PATH),
        "readonlyPaths": array(ABSOLUTE_PATH),
        "mountLabel": STRING,
        "personality": PERSONALITY,
    }
)

# config.md: the whole of config.json.
CONFIG = record(
    {
        "ociVersion": text("a version 1.x.y of the specification", formats.version),
        "root": ROOT,
        "mounts": array(MOUNT),
        "process": PROCESS,
        "hostname": HOSTNAME,
        "domainname": HOSTNAME,
        "hooks": HOOKS,
        "annotations": mapping(NOT_EMPTY, STRING),
        "linux": LINUX,
        "windows": None,
        "solaris": None,
        "vm": None,
        "zos": None,
        "freebsd": None,
    },
    "ociVersion",
    "root",
)
