"""The body of POST /containers/create: from Docker's Config and HostConfig to Options.

What is zero, empty, null or absent is as if it were not given. A field that asks for something that
this engine does not have is refused by its name.
"""

import json

from hutch.api.errors import ApiError
from hutch.api.fields import (
    Document,
    flag,
    items,
    number,
    part,
    parts,
    strings,
    text,
    words,
)
from hutch.engine.containers import words as options_words
from hutch.engine.containers.options import MountOption, Options, bridged
from hutch.engine.containers.security_words import security_option
from hutch.engine.network.ports import publish
from hutch.engine.network.records import PortOption, Wishes
from hutch.engine.rootless import usual_network
from hutch.errors import UsageError, shown

# HostConfig's flags and lists that ask for something that is not there.
MISSING = (
    "VolumeDriver", "CpuRealtimePeriod", "CpuRealtimeRuntime", "DeviceRequests",
    "StorageOpt", "KernelMemory", "KernelMemoryTCP", "CpuCount", "CpuPercent", "IOMaximumIOps",
    "IOMaximumBandwidth", "BlkioWeightDevice",
)  # fmt: skip
MODES = {
    "PidMode": ("pid_mode", ("host", "container:")),
    "IpcMode": ("ipc_mode", ("private", "none", "host", "shareable", "container:")),
    "UTSMode": ("uts_mode", ("host",)),
    "CgroupnsMode": ("cgroupns_mode", ("host", "private")),
    "UsernsMode": ("userns_mode", ("host",)),
}
THROTTLES = {
    "BlkioDeviceReadBps": "device-read-bps", "BlkioDeviceWriteBps": "device-write-bps",
    "BlkioDeviceReadIOps": "device-read-iops", "BlkioDeviceWriteIOps": "device-write-iops",
}  # fmt: skip
NANO = 1_000_000_000


def options_from(body: Document) -> Options:
    """What the body asks for. Raises UsageError."""
    host = part(body, "HostConfig")
    for name in MISSING:
        if host.get(name):
            raise ApiError(501, f"HostConfig.{name}: this engine does not have it")
    options = Options()
    _process(body, options)
    _modes(host, options)
    _networks(body, host, options)
    _mounts(body, host, options)
    _resources(host, options)
    _security(host, options)
    _life(body, host, options)
    return options


def _process(body: Document, options: Options) -> None:
    options.image = text(body, "Image")
    if not options.image:
        raise UsageError("Image: no image is named")
    options.command = strings(body, "Cmd")
    if body.get("Entrypoint") is not None:
        given = strings(body, "Entrypoint")
        # [""] means that the image's entrypoint is not used; [] and null mean that it is.
        options.entrypoint = [word for word in given if word] if given else None
    options.tty = flag(body, "Tty")
    options.interactive = flag(body, "OpenStdin")
    options.stdin_once = flag(body, "StdinOnce")
    options.env = strings(body, "Env")
    options.labels = words(body, "Labels")
    options.user = text(body, "User") or None
    options.workdir = text(body, "WorkingDir") or None
    options.hostname, options.domainname = text(body, "Hostname"), text(body, "Domainname")
    options.stop_signal = text(body, "StopSignal") or None
    options.stop_timeout = number(body, "StopTimeout", 10)
    options.expose = list(part(body, "ExposedPorts"))
    health = part(body, "Healthcheck")
    if health:
        options.health["test"] = strings(health, "Test")
        for name, field in (
            ("Interval", "interval"), ("Timeout", "timeout"), ("StartPeriod", "start_period"),
            ("StartInterval", "start_interval"),
        ):  # fmt: skip
            if number(health, name):
                options.health[field] = number(health, name) / NANO  # type: ignore[literal-required]
        if number(health, "Retries"):
            options.health["retries"] = number(health, "Retries")


def _modes(host: Document, options: Options) -> None:
    for name, (field, known) in MODES.items():
        mode = text(host, name)
        kind, parted, _ = mode.partition(":")
        if mode and (kind + parted if parted else mode) not in known:
            raise UsageError(f"HostConfig.{name}: there is no mode {shown(mode)}")
        setattr(options, field, mode)
    options.sysctls = words(host, "Sysctls")
    options.dns, options.dns_search = strings(host, "Dns"), strings(host, "DnsSearch")
    options.dns_option = strings(host, "DnsOptions")
    options.add_host = strings(host, "ExtraHosts")
    options.group_add = strings(host, "GroupAdd")


def _networks(body: Document, host: Document, options: Options) -> None:
    """The networks, and the published ports. "default" means the usual one, wherever it stands; a
    client may name a network in HostConfig alone, in EndpointsConfig alone, or in both."""
    endpoints: dict[str, Document] = {}
    for name, endpoint in part(part(body, "NetworkingConfig"), "EndpointsConfig").items():
        if endpoint is not None and not isinstance(endpoint, dict):
            raise UsageError(f"EndpointsConfig.{name}: {shown(endpoint)} is not an object")
        endpoints[_usual(name)] = endpoint or {}
    first = _usual(text(host, "NetworkMode"))
    if not text(host, "NetworkMode") and endpoints:
        first = next(iter(endpoints))
    options.network = first
    options.publish_all = flag(host, "PublishAllPorts")
    for port, bindings in part(host, "PortBindings").items():
        for binding in parts({port: bindings}, port) or [{}]:
            options.ports += _published(port, binding)
    if not bridged(options):
        return
    mac = text(body, "MacAddress")
    names = list(dict.fromkeys([first, *endpoints]))
    options.networks = [wishes(name, endpoints.get(name, {})) for name in names]
    if mac:
        options.networks[0].setdefault("mac", mac)


def wishes(name: str, endpoint: Document) -> Wishes:
    """What a container asks of a network: one of EndpointsConfig. Raises UsageError."""
    found = Wishes(name=name)
    ipam = part(endpoint, "IPAMConfig")
    if strings(endpoint, "Aliases"):
        found["aliases"] = strings(endpoint, "Aliases")
    if text(ipam, "IPv4Address"):
        found["address4"] = text(ipam, "IPv4Address")
    if text(ipam, "IPv6Address"):
        found["address6"] = text(ipam, "IPv6Address")
    if text(endpoint, "MacAddress"):
        found["mac"] = text(endpoint, "MacAddress")
    return found


def _usual(name: str) -> str:
    return usual_network() if name in ("", "default") else name


def _published(port: str, binding: Document) -> list[PortOption]:
    """One of PortBindings, in the words of -p. Raises UsageError."""
    address = text(binding, "HostIp")
    if address:
        address = f"[{address}]:" if ":" in address else f"{address}:"
    host = text(binding, "HostPort")
    return publish(f"{address}{host}:{port}" if address or host else port)


def _mounts(body: Document, host: Document, options: Options) -> None:
    options.mounts = [options_words.volume(bind) for bind in strings(host, "Binds")]
    options.mounts += [mount(one) for one in parts(host, "Mounts")]
    options.mounts += [
        options_words.tmpfs(f"{target}:{how}" if how else target)
        for target, how in words(host, "Tmpfs").items()
    ]
    taken = [option["target"] for option in options.mounts]
    for target in taken:
        if taken.count(target) > 1:
            raise UsageError(f"Duplicate mount point: {target}")
    for target in part(body, "Volumes"):
        # docker-py names the targets of binds here, too.
        if options_words.absolute(target, "Volumes") not in taken:
            options.mounts.append({"kind": "volume", "source": "", "target": target})
    options.volumes_from = strings(host, "VolumesFrom")
    options.read_only = flag(host, "ReadonlyRootfs")
    options.shm_size = number(host, "ShmSize") or options.shm_size


def mount(one: Document) -> MountOption:
    """One of HostConfig.Mounts, in the words of --mount. Raises UsageError."""
    kind = text(one, "Type", "volume")
    pairs = [f"type={kind}", f"target={text(one, 'Target')}"]
    if text(one, "Source"):
        pairs.append(f"source={text(one, 'Source')}")
    if flag(one, "ReadOnly"):
        pairs.append("readonly")
    bind, volume = part(one, "BindOptions"), part(one, "VolumeOptions")
    tmpfs, image = part(one, "TmpfsOptions"), part(one, "ImageOptions")
    if kind == "bind" and text(bind, "Propagation"):
        pairs.append(f"bind-propagation={text(bind, 'Propagation')}")
    if kind == "bind" and flag(bind, "NonRecursive"):
        pairs.append("bind-recursive=disabled")
    if kind == "volume" and flag(volume, "NoCopy"):
        pairs.append("volume-nocopy")
    if kind == "volume" and text(volume, "Subpath"):
        pairs.append(f"volume-subpath={text(volume, 'Subpath')}")
    if kind == "image" and text(image, "Subpath"):
        pairs.append(f"image-subpath={text(image, 'Subpath')}")
    if kind == "tmpfs" and number(tmpfs, "SizeBytes"):
        pairs.append(f"tmpfs-size={number(tmpfs, 'SizeBytes')}")
    if kind == "tmpfs" and number(tmpfs, "Mode"):
        pairs.append(f"tmpfs-mode={number(tmpfs, 'Mode'):o}")
    option = options_words.mount(",".join(_quoted(pair) for pair in pairs))
    if kind == "bind" and flag(bind, "CreateMountpoint"):
        option["create"] = True
    return option


def _quoted(pair: str) -> str:
    """A field of the comma-separated words of --mount."""
    return '"' + pair.replace('"', '""') + '"' if any(c in pair for c in ',"\n') else pair


def _resources(host: Document, options: Options) -> None:
    resources(host, options)
    options.memory_swappiness = None
    if host.get("MemorySwappiness") is not None and number(host, "MemorySwappiness") >= 0:
        options.memory_swappiness = number(host, "MemorySwappiness")
    options.oom_kill_disable = flag(host, "OomKillDisable")
    options.oom_score_adj = number(host, "OomScoreAdj") or None
    for name, field in THROTTLES.items():
        for one in parts(host, name):
            options.throttle.setdefault(field, []).append(
                {"path": text(one, "Path"), "rate": number(one, "Rate")}
            )
    options.ulimits = [
        options_words.ulimit(f"{text(one, 'Name')}={number(one, 'Soft')}:{number(one, 'Hard')}")
        for one in parts(host, "Ulimits")
    ]


def resources(host: Document, options: Options) -> None:
    """The limits that POST /containers/ID/update takes, too. Raises UsageError."""
    options.memory = number(host, "Memory")
    options.memory_swap = number(host, "MemorySwap")
    options.memory_reservation = number(host, "MemoryReservation")
    options.cpu_shares = number(host, "CpuShares")
    options.cpu_period, options.cpu_quota = number(host, "CpuPeriod"), number(host, "CpuQuota")
    options.nano_cpus = number(host, "NanoCpus")
    if options.nano_cpus and (options.cpu_period or options.cpu_quota):
        raise UsageError("conflicting options: NanoCpus and CpuPeriod or CpuQuota")
    options.cpuset_cpus, options.cpuset_mems = text(host, "CpusetCpus"), text(host, "CpusetMems")
    options.pids_limit = number(host, "PidsLimit") or None
    options.blkio_weight = number(host, "BlkioWeight")


def _security(host: Document, options: Options) -> None:
    options.cap_add, options.cap_drop = strings(host, "CapAdd"), strings(host, "CapDrop")
    options.privileged = flag(host, "Privileged")
    for one in parts(host, "Devices"):
        options.devices.append(
            {
                "source": text(one, "PathOnHost"),
                "target": text(one, "PathInContainer") or text(one, "PathOnHost"),
                "access": text(one, "CgroupPermissions") or "rwm",
            }
        )
    options.device_rules = strings(host, "DeviceCgroupRules")
    options.cgroup_parent = text(host, "CgroupParent")
    for word in strings(host, "SecurityOpt"):
        security_option(options, word, profile)
    # null leaves the usual ones, a list stands for them.
    for name, usual in (("MaskedPaths", "unmask"), ("ReadonlyPaths", "unmask")):
        if host.get(name) is not None and not items(host, name):
            setattr(options, usual, ["ALL"])
    if host.get("MaskedPaths") is not None:
        options.mask += strings(host, "MaskedPaths")


def profile(given: str) -> str:
    """The seccomp profile of SecurityOpt: clients send its text, not its path.

    Raises UsageError.
    """
    try:
        json.loads(given)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"SecurityOpt: the seccomp profile is not JSON: {error}") from None
    return given


def _life(body: Document, host: Document, options: Options) -> None:
    options.auto_remove = flag(host, "AutoRemove")
    policy = part(host, "RestartPolicy")
    name, count = text(policy, "Name", "no"), number(policy, "MaximumRetryCount")
    options.restart, options.restart_limit = options_words.restart(
        f"{name}:{count}" if count else name
    )
    if options.auto_remove and options.restart != "no":
        raise UsageError("can't create 'AutoRemove' container with restart policy")
    log = part(host, "LogConfig")
    options_words.logging(options, text(log, "Type"), words(log, "Config"))
    options.init = flag(host, "Init")
    runtime = text(host, "Runtime")
    options.runtime = "" if runtime in ("hutch", "runc", "io.containerd.runc.v2") else runtime
    options.annotations = words(host, "Annotations")
