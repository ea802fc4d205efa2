"""Every field of config.json for Linux (runtime-spec 1.3): its type and its plain constraints.

The one table from which the quick check walks (check.py), the JSON Schema is derived (schema.py)
and known names are told from unknown ones. What config.md and config-linux.md say wins over the
JSON Schema beside them, as config.md lays down; where the specification gives a type and the kernel
a narrower range, the kernel's range stands here. In a table of fields, None stands for an object of
another platform: known, and not looked into.
"""

from hutch.spec import forms
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
ABSOLUTE_PATH = text("an absolute path", forms.absolute_path)
NOT_EMPTY = text("a string that is not empty", forms.not_empty)
ENVIRONMENT = array(text('of the form "NAME=value"', forms.variable))
NUMBER_LIST = text('a list such as "0-3,7"', forms.number_list)
HOSTNAME = text("at most 64 bytes long", forms.hostname)

# The last id, (uid_t)-1, means "none" to the kernel (security.md S-09).
USER_ID = number(0, (1 << 32) - 2)
# The bits of a dev_t in the kernel: 12 and 20.
MAJOR = number(0, (1 << 12) - 1)
MINOR = number(0, (1 << 20) - 1)
# Engines write a wildcard as -1 where the specification leaves the field out.
MAJOR_OR_ALL = number(-1, (1 << 12) - 1)
MINOR_OR_ALL = number(-1, (1 << 20) - 1)
# Bytes, or -1 for no limit.
LIMIT = number(-1, (1 << 63) - 1)
# Errors end at MAX_ERRNO; the data of SECCOMP_RET_TRACE has 16 bits.
ERRNO = UINT16

ID_MAPPINGS = array(
    record(
        {"containerID": UINT32, "hostID": UINT32, "size": number(1, (1 << 32) - 1)},
        "containerID",
        "hostID",
        "size",
    )
)

# Every runtime takes a user without uid or gid for root, as it does a process without a user.
USER = record(
    {
        "uid": USER_ID,
        "gid": USER_ID,
        "umask": number(0, 0o777),
        "additionalGids": array(USER_ID),
        "username": STRING,
    }
)

SCHEDULER = record(
    {
        "policy": one_of(
            "SCHED_OTHER",
            "SCHED_FIFO",
            "SCHED_RR",
            "SCHED_BATCH",
            "SCHED_ISO",
            "SCHED_IDLE",
            "SCHED_DEADLINE",
        ),
        "nice": number(-20, 19),
        "priority": number(0, 99),
        "flags": array(
            one_of(
                "SCHED_FLAG_RESET_ON_FORK",
                "SCHED_FLAG_RECLAIM",
                "SCHED_FLAG_DL_OVERRUN",
                "SCHED_FLAG_KEEP_POLICY",
                "SCHED_FLAG_KEEP_PARAMS",
                "SCHED_FLAG_UTIL_CLAMP_MIN",
                "SCHED_FLAG_UTIL_CLAMP_MAX",
            )
        ),
        "runtime": UINT64,
        "deadline": UINT64,
        "period": UINT64,
    },
    "policy",
)

PROCESS = record(
    {
        "terminal": BOOLEAN,
        "consoleSize": record({"height": UINT64, "width": UINT64}, "height", "width"),
        "cwd": ABSOLUTE_PATH,
        "env": ENVIRONMENT,
        "args": array(STRING, 1),
        "commandLine": STRING,
        "rlimits": array(
            record(
                {"type": one_of(*RLIMITS), "soft": UINT64, "hard": UINT64},
                "type",
                "soft",
                "hard",
            )
        ),
        "apparmorProfile": STRING,
        # Unknown names are warnings (config.md), so not told apart here.
        "capabilities": record(
            {
                "effective": STRINGS,
                "bounding": STRINGS,
                "inheritable": STRINGS,
                "permitted": STRINGS,
                "ambient": STRINGS,
            }
        ),
        "noNewPrivileges": BOOLEAN,
        "oomScoreAdj": number(-1000, 1000),
        "scheduler": SCHEDULER,
        "selinuxLabel": STRING,
        "ioPriority": record(
            {
                "class": one_of("IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"),
                "priority": number(0, 7),
            },
            "class",
        ),
        "execCPUAffinity": record({"initial": NUMBER_LIST, "final": NUMBER_LIST}),
        "user": USER,
    },
    "cwd",
    "args",
)

MOUNT = record(
    {
        "destination": text("an absolute path", forms.destination),
        "source": STRING,
        "options": STRINGS,
        "type": STRING,
        "uidMappings": ID_MAPPINGS,
        "gidMappings": ID_MAPPINGS,
    },
    "destination",
)

HOOK = array(
    record(
        {
            "path": ABSOLUTE_PATH,
            "args": STRINGS,
            "env": ENVIRONMENT,
            "timeout": number(1, (1 << 31) - 1),
        },
        "path",
    )
)

THROTTLE = array(record({"major": MAJOR, "minor": MINOR, "rate": UINT64}, "major", "minor", "rate"))

RESOURCES = record(
    {
        "devices": array(
            record(
                {
                    "allow": BOOLEAN,
                    "type": one_of("a", "c", "b"),
                    "major": MAJOR_OR_ALL,
                    "minor": MINOR_OR_ALL,
                    "access": text("made of the letters r, w and m", forms.device_access),
                },
                "allow",
            )
        ),
        "memory": record(
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
        ),
        "cpu": record(
            {
                "shares": UINT64,
                "quota": INT64,
                "burst": UINT64,
                "period": UINT64,
                "realtimeRuntime": INT64,
                "realtimePeriod": UINT64,
                "cpus": NUMBER_LIST,
                "mems": NUMBER_LIST,
                "idle": number(0, 1),
            }
        ),
        "blockIO": record(
            {
                "weight": UINT16,
                "leafWeight": UINT16,
                "weightDevice": array(
                    record(
                        {"major": MAJOR, "minor": MINOR, "weight": UINT16, "leafWeight": UINT16},
                        "major",
                        "minor",
                    )
                ),
                "throttleReadBpsDevice": THROTTLE,
                "throttleWriteBpsDevice": THROTTLE,
                "throttleReadIOPSDevice": THROTTLE,
                "throttleWriteIOPSDevice": THROTTLE,
            }
        ),
        "hugepageLimits": array(
            record(
                {
                    "pageSize": text("a size such as 64KB, 2MB or 1GB", forms.page_size),
                    "limit": UINT64,
                },
                "pageSize",
                "limit",
            )
        ),
        "network": record(
            {
                "classID": UINT32,
                "priorities": array(
                    record({"name": NOT_EMPTY, "priority": UINT32}, "name", "priority")
                ),
            }
        ),
        "pids": record({"limit": LIMIT}),
        "rdma": mapping(NOT_EMPTY, record({"hcaHandles": UINT32, "hcaObjects": UINT32})),
        "unified": mapping(text("the name of a cgroup file", forms.file_name), STRING),
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

SECCOMP = record(
    {
        "defaultAction": SECCOMP_ACTION,
        "defaultErrnoRet": ERRNO,
        "architectures": array(
            one_of(
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
        ),
        "flags": array(
            one_of(
                "SECCOMP_FILTER_FLAG_TSYNC",
                "SECCOMP_FILTER_FLAG_LOG",
                "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
            )
        ),
        "listenerPath": STRING,
        "listenerMetadata": STRING,
        "syscalls": array(
            record(
                {
                    "names": array(NOT_EMPTY, 1),
                    "action": SECCOMP_ACTION,
                    "errnoRet": ERRNO,
                    "args": array(
                        record(
                            {
                                "index": number(0, 5),
                                "value": UINT64,
                                "valueTwo": UINT64,
                                "op": one_of(
                                    "SCMP_CMP_NE",
                                    "SCMP_CMP_LT",
                                    "SCMP_CMP_LE",
                                    "SCMP_CMP_EQ",
                                    "SCMP_CMP_GE",
                                    "SCMP_CMP_GT",
                                    "SCMP_CMP_MASKED_EQ",
                                ),
                            },
                            "index",
                            "value",
                            "op",
                        )
                    ),
                },
                "names",
                "action",
            )
        ),
    },
    "defaultAction",
)

LINUX = record(
    {
        "namespaces": array(
            record(
                {
                    "type": one_of(
                        "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"
                    ),
                    "path": text("an absolute path", forms.absolute_path_or_none),
                },
                "type",
            )
        ),
        "uidMappings": ID_MAPPINGS,
        "gidMappings": ID_MAPPINGS,
        "timeOffsets": mapping(
            one_of("monotonic", "boottime"),
            record({"secs": INT64, "nanosecs": number(0, 999_999_999)}),
        ),
        "devices": array(
            record(
                {
                    "type": one_of("c", "b", "u", "p"),
                    "path": ABSOLUTE_PATH,
                    "major": MAJOR,
                    "minor": MINOR,
                    "fileMode": UINT32,
                    "uid": USER_ID,
                    "gid": USER_ID,
                },
                "type",
                "path",
            )
        ),
        "netDevices": mapping(
            text("the name of a network device", forms.interface),
            record({"name": text("the name of a network device", forms.interface)}),
        ),
        "cgroupsPath": STRING,
        "resources": RESOURCES,
        "intelRdt": record(
            {
                "closID": text('the name of a directory, or "/"', forms.class_of_service),
                "schemata": array(text("a single line", forms.one_line)),
                "l3CacheSchema": text("a single line", forms.one_line),
                "memBwSchema": text('a single line that begins with "MB:"', forms.memory_bandwidth),
                "enableMonitoring": BOOLEAN,
            }
        ),
        "memoryPolicy": record(
            {
                "mode": one_of(
                    "MPOL_DEFAULT",
                    "MPOL_BIND",
                    "MPOL_INTERLEAVE",
                    "MPOL_WEIGHTED_INTERLEAVE",
                    "MPOL_PREFERRED",
                    "MPOL_PREFERRED_MANY",
                    "MPOL_LOCAL",
                ),
                "nodes": NUMBER_LIST,
                "flags": array(
                    one_of(
                        "MPOL_F_NUMA_BALANCING",
                        "MPOL_F_RELATIVE_NODES",
                        "MPOL_F_STATIC_NODES",
                    )
                ),
            },
            "mode",
        ),
        "sysctl": mapping(NOT_EMPTY, STRING),
        "seccomp": SECCOMP,
        # Docker and Podman ask for the recursive forms.
        "rootfsPropagation": one_of(
            "shared",
            "slave",
            "private",
            "unbindable",
            "rshared",
            "rslave",
            "rprivate",
            "runbindable",
        ),
        "maskedPaths": array(ABSOLUTE_PATH),
        "readonlyPaths": array(ABSOLUTE_PATH),
        "mountLabel": STRING,
        "personality": record({"domain": one_of("LINUX", "LINUX32"), "flags": STRINGS}, "domain"),
    }
)

CONFIG = record(
    {
        "ociVersion": text("a version 1.x.y of the specification", forms.version),
        "root": record({"path": NOT_EMPTY, "readonly": BOOLEAN}, "path"),
        "mounts": array(MOUNT),
        "process": PROCESS,
        "hostname": HOSTNAME,
        "domainname": HOSTNAME,
        "hooks": record(
            {
                "prestart": HOOK,
                "createRuntime": HOOK,
                "createContainer": HOOK,
                "startContainer": HOOK,
                "poststart": HOOK,
                "poststop": HOOK,
            }
        ),
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
