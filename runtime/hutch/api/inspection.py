"""GET /containers/ID/json: what ``warren inspect`` tells, and the fields that only Docker has."""

from hutch.api.call import Call
from hutch.api.fields import Document, part, strings, yes
from hutch.engine.containers.describe import inspect as describe
from hutch.engine.containers.options import MountOption, Options
from hutch.engine.containers.records import Record

# Fields of Docker's that mean nothing here: for other systems, drivers and older kernels.
NOTHING: dict[str, Document] = {
    "HostConfig": {
        "VolumeDriver": "", "Links": None, "CpuCount": 0, "CpuPercent": 0, "IOMaximumIOps": 0,
        "IOMaximumBandwidth": 0, "ContainerIDFile": "", "Cgroup": "", "Isolation": "",
        "ConsoleSize": [0, 0], "CpuRealtimePeriod": 0, "CpuRealtimeRuntime": 0,
        "DeviceRequests": None, "BlkioWeightDevice": [],
    },
    "Config": {"OnBuild": None},
    "NetworkSettings": {
        "SandboxID": "", "Bridge": "", "HairpinMode": False, "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0, "SecondaryIPAddresses": None, "SecondaryIPv6Addresses": None,
    },
}  # fmt: skip
THROTTLES = {
    "device-read-bps": "BlkioDeviceReadBps", "device-write-bps": "BlkioDeviceWriteBps",
    "device-read-iops": "BlkioDeviceReadIOps", "device-write-iops": "BlkioDeviceWriteIOps",
}  # fmt: skip


def inspect(call: Call) -> None:
    """GET /containers/ID/json?size="""
    record = call.container()
    document = describe(call.engine, record)
    for name, fields in NOTHING.items():
        document[name] = dict(fields) | part(document, name)
    document["AppArmorProfile"] = record.options.apparmor or ""
    document["ExecIDs"] = sorted({*strings(document, "ExecIDs"), *running_in(call, record)}) or None
    part(document, "HostConfig").update(host_config(record.options))
    part(document, "Config").update(config(call, record))
    settings = part(document, "NetworkSettings")
    settings["SandboxID"] = record.id if settings.get("SandboxKey") else ""
    if call.version < (1, 45):  # the short id was among the aliases, until DNSNames came
        for name in part(settings, "Networks"):
            endpoint = part(part(settings, "Networks"), name)
            if endpoint.get("DNSNames"):
                endpoint["Aliases"] = [*strings(endpoint, "Aliases"), record.id[:12]]
    log = part(part(document, "HostConfig"), "LogConfig")
    # docker-py asks for the logs of these drivers only; ours is asked for by this name, too.
    log["Type"] = "json-file" if log["Type"] == "k8s-file" else log["Type"]
    if yes(call.query, "size"):
        from hutch.engine.containers.sizes import sizes

        document["SizeRw"], document["SizeRootFs"] = sizes(call.engine, record)
    call.exchange.json(document)


def running_in(call: Call, record: Record) -> list[str]:
    """The ids of what runs in it by exec, of this server's clients."""
    with call.memory.lock:
        known = list(call.memory.executions.values())
    return [one.id for one in known if one.container == record.id and one.running]


def host_config(options: Options) -> Document:
    """What HostConfig has more than in ``warren inspect``."""
    found: Document = {"DeviceCgroupRules": options.device_rules or None, "Mounts": None}
    for ours, name in THROTTLES.items():
        rates = options.throttle.get(ours, [])
        found[name] = [{"Path": one["path"], "Rate": one["rate"]} for one in rates]
    found["Tmpfs"] = {m["target"]: words_of(m) for m in options.mounts if m["kind"] == "tmpfs"}
    if options.privileged or "ALL" in options.unmask:
        found |= {"MaskedPaths": options.mask, "ReadonlyPaths": []}
    else:
        from hutch.defaults.config import container_config

        linux = container_config()["linux"]
        found["MaskedPaths"] = [*linux.get("maskedPaths", []), *options.mask]
        found["ReadonlyPaths"] = linux.get("readonlyPaths", [])
    return found


def words_of(mount: MountOption) -> str:
    """The options of a tmpfs as ``--tmpfs`` takes them."""
    words = list(mount.get("options", []))
    words += ["ro"] if mount.get("readonly") else []
    words += [f"size={mount['size']}"] if mount.get("size") else []
    words += [f"mode={mount['mode']:o}"] if mount.get("mode") else []
    return ",".join(words)


def config(call: Call, record: Record) -> Document:
    """What Config has more than in ``warren inspect``."""
    options = record.options
    execution = call.engine.image_config(record).checked()
    volumes = dict.fromkeys(execution.get("Volumes") or {})
    volumes |= {m["target"]: None for m in options.mounts if m.get("anonymous")}
    return {
        "AttachStdin": options.interactive, "AttachStdout": True, "AttachStderr": True,
        "Volumes": {target: {} for target in volumes} or None,
    }  # fmt: skip
