"""From a container's options to a container of a kube file."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from hutch.engine.containers.options import HealthOption, MountOption, Options
from hutch.engine.containers.records import Record
from hutch.errors import HutchError
from hutch.kube.quantity import written

Warn = Callable[[HutchError], None]
Object = dict[str, object]

# Options that a kube file has no field for: with their flags, for the warning.
NOT_IN_KUBE = {
    "init": "--init", "oom_kill_disable": "--oom-kill-disable", "oom_score_adj": "--oom-score-adj",
    "cpuset_cpus": "--cpuset-cpus", "cpuset_mems": "--cpuset-mems",
    "memory_swappiness": "--memory-swappiness", "pids_limit": "--pids-limit",
    "blkio_weight": "--blkio-weight", "throttle": "--device-read-bps and the like",
    "ulimits": "--ulimit", "device_rules": "--device-cgroup-rule", "mask": "--security-opt mask",
    "cgroup_parent": "--cgroup-parent", "cgroupns_mode": "--cgroupns", "uid_map": "--uidmap",
    "domainname": "--domainname", "runtime": "--runtime", "log_size": "--log-opt max-size",
    "log_tag": "--log-opt tag", "userns_mode": "--userns",
}  # fmt: skip


class VolumesOfPod:
    """The volumes of the pod that is written: each source once, by a name of its own."""

    def __init__(self, kinds: Mapping[str, str], folder: str) -> None:
        self.kinds = kinds  # of the volumes in the pod's folder
        self.folder = folder
        self.found: dict[str, Object] = {}  # by what tells them apart
        self.names: dict[str, str] = {}

    def name(self, key: str, wish: str, body: Object) -> str:
        """The name of a volume, which is added if it is new."""
        if key not in self.found:
            base = "".join(c if c.isalnum() else "-" for c in wish.lower()).strip("-")[:50] or "v"
            name, number = base, 1
            while name in self.names.values():
                number += 1
                name = f"{base}-{number}"
            self.names[key] = name
            self.found[key] = {"name": name, **body}
        return self.names[key]


def container(
    record: Record, environment: list[str], volumes: VolumesOfPod, ports: list[Object], warn: Warn
) -> Object:  # fmt: skip
    """The container, as a part of a pod. ``environment`` is what was given beyond the image's;
    ``ports`` are those that it has."""
    options = record.options
    for key, flag in NOT_IN_KUBE.items():
        value = getattr(options, key)
        if value and value != getattr(Options(), key) and (key, value) != ("pids_limit", -1):
            warn(HutchError(f"{record.name}: {flag} is not in the file: it has no field for it"))
    found: Object = {"name": name_of(record), "image": options.image}
    if options.entrypoint is not None:
        found["command"] = [escaped(word) for word in options.entrypoint]
    if options.command:
        found["args"] = [escaped(word) for word in options.command]
    if options.workdir:
        found["workingDir"] = options.workdir
    variables = [line.partition("=") for line in environment]
    found["env"] = [{"name": n, "value": escaped(v)} for n, given, v in variables if given]
    found["ports"] = ports
    found.update({key: True for key, on in (
        ("tty", options.tty), ("stdin", options.interactive), ("stdinOnce", options.stdin_once),
    ) if on})  # fmt: skip
    found["resources"] = resources(options)
    found["securityContext"] = security(options)
    found["volumeMounts"] = [one for mount in options.mounts
                             if (one := volume_mount(mount, volumes, record, warn))]  # fmt: skip
    for number, device in enumerate(options.devices):
        body: Object = {"hostPath": {"path": device["source"], "type": kind_of(device["source"])}}
        called = volumes.name(f"device {device['source']}", f"device-{number}", body)
        mounts = found["volumeMounts"]
        assert isinstance(mounts, list)
        mounts.append({"name": called, "mountPath": device["target"]})
    if options.stop_signal:
        found["lifecycle"] = {"stopSignal": options.stop_signal}
    found.update(probes(options))
    return {key: value for key, value in found.items() if value not in ([], {}, "")}


def name_of(record: Record) -> str:
    """The container's name without its pod's: what play would put before it."""
    return "".join(c if c.isalnum() else "-" for c in record.name.lower()).strip("-")[-63:]


def escaped(text: str) -> str:
    """A text of which nothing is to be expanded: $$ stands for $."""
    return text.replace("$", "$$") if "$(" in text or "$$" in text else text


def kind_of(path: str) -> str:
    """The type of a hostPath that is a device."""
    import os
    import stat

    try:
        return "BlockDevice" if stat.S_ISBLK(os.stat(path).st_mode) else "CharDevice"
    except OSError:
        return "CharDevice"


def resources(options: Options) -> Object:
    """limits and requests."""
    limits: Object = {}
    requests: Object = {}
    if options.cpu_quota > 0:
        limits["cpu"] = written(Fraction(options.cpu_quota, options.cpu_period or 100_000))
    if options.cpu_shares and options.cpu_shares != options.cpu_quota * 1024 // 100_000:
        requests["cpu"] = written(Fraction(-(-options.cpu_shares * 1000 // 1024), 1000))
    if options.memory > 0:
        limits["memory"] = written(Fraction(options.memory))
    if options.memory_reservation > 0:
        requests["memory"] = written(Fraction(options.memory_reservation))
    found = {"limits": limits, "requests": requests}
    return {key: value for key, value in found.items() if value}


def security(options: Options) -> Object:
    """securityContext of the container."""
    found: Object = {}
    if options.user:
        user, _, group = options.user.partition(":")
        if user.isdecimal() and (group.isdecimal() or not group):
            found["runAsUser"] = int(user)
            found.update({"runAsGroup": int(group)} if group else {})
    if options.privileged:
        found["privileged"] = True
    if options.read_only:
        found["readOnlyRootFilesystem"] = True
    if options.no_new_privileges:
        found["allowPrivilegeEscalation"] = False
    if options.cap_add or options.cap_drop:
        parts = {"add": options.cap_add, "drop": options.cap_drop}
        found["capabilities"] = {
            key: [word.upper().removeprefix("CAP_") for word in words]
            for key, words in parts.items() if words
        }  # fmt: skip
    if "ALL" in options.unmask:
        found["procMount"] = "Unmasked"
    if options.seccomp == "unconfined":
        found["seccompProfile"] = {"type": "Unconfined"}
    if options.apparmor:
        unconfined = options.apparmor == "unconfined"
        found["appArmorProfile"] = (
            {"type": "Unconfined"} if unconfined
            else {"type": "Localhost", "localhostProfile": options.apparmor}
        )  # fmt: skip
    if options.selinux and options.selinux.count(":") >= 3:
        words = options.selinux.split(":", 3)
        found["seLinuxOptions"] = {
            key: word
            for key, word in zip(("user", "role", "type", "level"), words, strict=True)
            if word
        }
    return found


def volume_mount(
    mount: MountOption, volumes: VolumesOfPod, record: Record, warn: Warn
) -> Object | None:
    """One volumeMount, whose volume is added to the pod's."""
    kind, source, target = mount["kind"], mount["source"], mount["target"]
    short = source.rstrip("/").rpartition("/")[2]
    if kind == "tmpfs":
        size = {"sizeLimit": written(Fraction(mount["size"]))} if mount.get("size") else {}
        name = volumes.name(f"tmpfs {record.id} {target}", "tmpfs-" + target.rpartition("/")[2],
                            {"emptyDir": {"medium": "Memory", **size}})  # fmt: skip
    elif kind == "volume":
        body: Object = {"persistentVolumeClaim": {"claimName": source}}
        if mount.get("anonymous"):
            body = {"emptyDir": {}}
        name = volumes.name(
            f"volume {source}", short[:20] if mount.get("anonymous") else short, body
        )
    elif kind == "image":
        name = volumes.name(f"image {source}", "image", {"image": {"reference": source}})
    elif volumes.folder and source.startswith(volumes.folder + "/"):
        name = volumes.name(f"own {source}", short, own_volume(short, volumes.kinds.get(short, "")))
    else:
        name = volumes.name(f"path {source}", short or "root", {"hostPath": {"path": source}})
    found: Object = {"name": name, "mountPath": target}
    if mount.get("readonly") and kind != "image":
        found["readOnly"] = True
    if mount.get("subpath"):
        found["subPath"] = mount["subpath"]
    wanted = {"rslave": "HostToContainer", "rshared": "Bidirectional"}
    if mount.get("propagation") in wanted:
        found["mountPropagation"] = wanted[mount["propagation"]]
    return found


def own_volume(name: str, kind: str) -> Object:
    """A volume in the pod's folder. What was made of several sources is a Secret now."""
    if kind == "emptyDir":
        return {"emptyDir": {}}
    if kind == "configMap":
        return {"configMap": {"name": name}}
    # Debian's podman fails without the word that it is not optional.
    return {"secret": {"secretName": name, "optional": False}}


def probes(options: Options) -> Object:
    """livenessProbe, readinessProbe, startupProbe."""
    found: Object = {}
    if options.startup:
        found["startupProbe"] = probe(options.startup)
    if options.health and options.health["test"][0] != "NONE":
        ends = options.health.get("on_failure") == "stop"
        # A health check that ends nothing is what readiness is.
        found["livenessProbe" if ends else "readinessProbe"] = probe(options.health)
    if options.readiness:
        found["readinessProbe"] = probe(options.readiness)
    return found


def probe(option: HealthOption) -> Object:
    """One probe. Kubernetes counts in whole seconds, one at least."""
    test = option["test"]
    found: Object = {}
    if test[0] in ("HTTP-GET", "TCP-SOCKET"):
        place: Object = {"port": int(test[2]), **({"host": test[1]} if test[1] else {})}
        if test[0] == "HTTP-GET":
            place["path"] = test[3]
            headers = [line.partition(": ") for line in test[4:]]
            if headers:
                place["httpHeaders"] = [{"name": n, "value": v} for n, _, v in headers]
        found["httpGet" if test[0] == "HTTP-GET" else "tcpSocket"] = place
    else:
        found["exec"] = {"command": test[1:] if test[0] == "CMD" else ["/bin/sh", "-c", test[1]]}
    delay = option.get("delay", option["start_period"])
    if delay:
        found["initialDelaySeconds"] = round(delay)
    found["periodSeconds"] = max(round(option["interval"]), 1)
    found["timeoutSeconds"] = max(round(option["timeout"]), 1)
    found["failureThreshold"] = option["retries"]
    if option.get("successes", 1) != 1:
        found["successThreshold"] = option["successes"]
    if "grace" in option:
        found["terminationGracePeriodSeconds"] = round(option["grace"])
    return found
