"""A config with every field of the table. All values are valid."""

from typing import Any


def complete_config() -> dict[str, Any]:
    throttle = [{"major": 8, "minor": 16, "rate": 1 << 20}]
    hook = [{"path": "/bin/hook", "args": ["hook", "x"], "env": ["A=b"], "timeout": 5}]
    points = "prestart createRuntime createContainer startContainer poststart poststop"
    mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    types = "pid network mount ipc uts user cgroup time"
    return {
        "ociVersion": "1.3.0",
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "mrsdalloway",
        "domainname": "foobarbaz.test",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/data",
                "type": "none",
                "source": "/volumes/data",
                "options": ["rbind", "ro", "ridmap"],
                "uidMappings": mapping,
                "gidMappings": mapping,
            },
        ],
        "process": {
            "terminal": True,
            "consoleSize": {"height": 25, "width": 80},
            "user": {
                "uid": 1000,
                "gid": 0,
                "umask": 0o022,
                "additionalGids": [5, 4294967294],
                "username": "ada",
            },
            "args": ["sh", "-c", "echo 'héllo'"],
            "commandLine": "sh",
            "env": ["PATH=/bin", "EMPTY="],
            "cwd": "/root",
            "rlimits": [
                {"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 4096},
                {"type": "RLIMIT_CORE", "soft": (1 << 64) - 1, "hard": (1 << 64) - 1},
            ],
            "apparmorProfile": "acme",
            "selinuxLabel": "system_u:system_r:svirt_lxc_net_t:s0:c124,c675",
            "capabilities": {
                "effective": ["CAP_KILL"],
                "bounding": ["CAP_KILL", "CAP_BPF"],
                "inheritable": [],
                "permitted": ["CAP_KILL"],
                "ambient": ["CAP_CHECKPOINT_RESTORE"],
            },
            "noNewPrivileges": False,
            "oomScoreAdj": -1000,
            "scheduler": {
                "policy": "SCHED_DEADLINE",
                "nice": 0,
                "priority": 0,
                "flags": ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM"],
                "runtime": 4000000,
                "deadline": 10000000,
                "period": 10000000,
            },
            "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 7},
            "execCPUAffinity": {"initial": "7", "final": "0-3, 7"},
        },
        "hooks": dict.fromkeys(points.split(), hook),
        "annotations": {"org.example.key": ""},
        "linux": {
            "namespaces": [
                {"type": kind, **({"path": "/proc/1/ns/net"} if kind == "network" else {})}
                for kind in types.split()
            ],
            "uidMappings": mapping,
            "gidMappings": [*mapping, {"containerID": 4294967294, "hostID": 5, "size": 1}],
            "timeOffsets": {
                "monotonic": {"secs": 172800, "nanosecs": 0},
                "boottime": {"secs": -5, "nanosecs": 999_999_999},
            },
            "devices": [
                {
                    "type": "c",
                    "path": "/dev/fuse",
                    "major": 10,
                    "minor": 229,
                    "fileMode": 0o666,
                    "uid": 0,
                    "gid": 0,
                },
                {"type": "p", "path": "/dev/fifo"},
            ],
            "netDevices": {"eth0": {"name": "inside%d"}, "eth1": {}},
            "cgroupsPath": "/myRuntime/myContainer",
            "resources": {
                "devices": [
                    {"allow": False, "access": "rwm"},
                    {"allow": True, "type": "c", "major": -1, "minor": 5, "access": "rw"},
                ],
                "memory": {
                    "limit": 536870912,
                    "reservation": 536870912,
                    "swap": -1,
                    "kernel": -1,
                    "kernelTCP": -1,
                    "swappiness": 0,
                    "disableOOMKiller": False,
                    "useHierarchy": True,
                    "checkBeforeUpdate": True,
                },
                "cpu": {
                    "shares": 1024,
                    "quota": -1,
                    "burst": 0,
                    "period": 500000,
                    "realtimeRuntime": 950000,
                    "realtimePeriod": 1000000,
                    "cpus": "2-3",
                    "mems": "",
                    "idle": 1,
                },
                "blockIO": {
                    "weight": 10,
                    "leafWeight": 10,
                    "weightDevice": [{"major": 8, "minor": 0, "weight": 500, "leafWeight": 300}],
                    "throttleReadBpsDevice": throttle,
                    "throttleWriteBpsDevice": throttle,
                    "throttleReadIOPSDevice": throttle,
                    "throttleWriteIOPSDevice": throttle,
                },
                "hugepageLimits": [{"pageSize": "2MB", "limit": 9223372036854772000}],
                "network": {
                    "classID": 1048577,
                    "priorities": [{"name": "eth0", "priority": 500}],
                },
                "pids": {"limit": 0},
                "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}},
                "unified": {"io.max": "259:0 rbps=2097152\n253:0 rbps=2097152"},
            },
            "intelRdt": {
                "closID": "guaranteed",
                "schemata": ["L3:0=7f0;1=1f"],
                "l3CacheSchema": "L3:0=7f0",
                "memBwSchema": "MB:0=20;1=70",
                "enableMonitoring": True,
            },
            "memoryPolicy": {
                "mode": "MPOL_INTERLEAVE",
                "nodes": "2-3",
                "flags": ["MPOL_F_STATIC_NODES"],
            },
            "sysctl": {"net.ipv4.ip_forward": "1"},
            "seccomp": {
                "defaultAction": "SCMP_ACT_ERRNO",
                "defaultErrnoRet": 38,
                "architectures": ["SCMP_ARCH_X86_64"],
                "flags": ["SECCOMP_FILTER_FLAG_LOG"],
                "listenerPath": "/run/agent.sock",
                "listenerMetadata": "opaque",
                "syscalls": [
                    {
                        "names": ["getcwd"],
                        "action": "SCMP_ACT_TRACE",
                        "errnoRet": 1,
                        "args": [
                            {
                                "index": 5,
                                "value": (1 << 64) - 1,
                                "valueTwo": 0,
                                "op": "SCMP_CMP_MASKED_EQ",
                            }
                        ],
                    },
                ],
            },
            "rootfsPropagation": "rslave",
            "maskedPaths": ["/proc/kcore"],
            "readonlyPaths": ["/proc/sys"],
            "mountLabel": "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811",
            "personality": {"domain": "LINUX32", "flags": []},
        },
        "windows": {"layerFolders": 3},
        "solaris": 5,
        "vm": [],
        "zos": "",
        "freebsd": {},
    }
