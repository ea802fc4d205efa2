"""The status of a pod, the filters of ``pod ls``, and what ``pod inspect`` shows."""

from collections.abc import Callable, Sequence

from hutch.engine.containers.limits import PERIOD
from hutch.engine.containers.listing import rfc3339, status
from hutch.engine.containers.options import Options
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.engine.network.describe import bindings
from hutch.engine.pods.life import members
from hutch.engine.pods.records import Pod
from hutch.errors import UsageError, shown

STATUSES = ("Created", "Running", "Degraded", "Paused", "Exited", "Stopped", "Dead")
FILTERS = "id, name, label, status, ctr-ids, ctr-names, ctr-number, ctr-status, network"


def status_of(records: Sequence[Record]) -> str:
    """podman's word for what a pod does, from its containers. Init containers that are over do not
    count."""
    states = [status(one) for one in records if not _over(one)]
    if not states or set(states) == {"created"}:
        return "Created"
    if set(states) == {"running"}:
        return "Running"
    if set(states) == {"paused"}:
        return "Paused"
    if "running" in states or "restarting" in states or "paused" in states:
        return "Degraded"
    if set(states) == {"dead"}:
        return "Dead"
    return "Exited" if set(states) == {"exited"} else "Stopped"


def _over(record: Record) -> bool:
    return bool(record.options.init_container) and status(record) == "exited"


def infra_in(records: Sequence[Record]) -> Record | None:
    return next((one for one in records if one.options.infra), None)


def listed_pods(engine: Engine, filters: list[str]) -> list[tuple[Pod, list[Record]]]:
    """The pods that match, newest first, each with its containers. Raises UsageError."""
    conditions = [condition(engine, text) for text in filters]
    found = [(pod, members(engine, pod)) for pod in engine.pods.all()]
    return [(pod, own) for pod, own in found if all(holds(pod, own) for holds in conditions)]


def condition(engine: Engine, text: str) -> Callable[[Pod, list[Record]], bool]:
    """One ``--filter KEY=VALUE``. Raises UsageError."""
    key, given, value = text.partition("=")
    if given and key == "id":
        return lambda pod, own: pod.id.startswith(value)
    if given and key == "name":
        return lambda pod, own: value in pod.name
    if given and key == "label":
        name, has_value, wanted = value.partition("=")
        return lambda pod, own: name in pod.labels and (not has_value or pod.labels[name] == wanted)
    if key == "status" and value.capitalize() in STATUSES:
        return lambda pod, own: status_of(own) == value.capitalize()
    if given and key == "ctr-ids":
        return lambda pod, own: any(one.id.startswith(value) for one in own)
    if given and key == "ctr-names":
        return lambda pod, own: any(value in one.name for one in own)
    if key == "ctr-number" and value.isdecimal():
        return lambda pod, own: len(own) == int(value)
    if given and key == "ctr-status":
        return lambda pod, own: any(status(one) == value for one in own)
    if given and key == "network":
        return lambda pod, own: value in networks(engine, own)
    raise UsageError(f"invalid filter {shown(text)}", hint=f"KEY=VALUE of {FILTERS}")


def networks(engine: Engine, records: Sequence[Record]) -> list[str]:
    """The networks that the pod's infra container is in."""
    infra = infra_in(records)
    return [wishes["name"] for wishes in engine.networks.attachments(infra.id)] if infra else []


def _limits(pod: Pod) -> dict[str, object]:
    """The limits of all containers together, in podman's words."""
    limits = Options()
    for name, value in pod.options.get("limits", {}).items():
        setattr(limits, name, value)
    return {
        "memory_limit": limits.memory, "memory_swap": limits.memory_swap,
        "cpu_shares": limits.cpu_shares, "cpu_period": PERIOD if limits.nano_cpus else 0,
        "cpu_quota": limits.nano_cpus * PERIOD // 1_000_000_000,
        "cpuset_cpus": limits.cpuset_cpus, "cpuset_mems": limits.cpuset_mems,
        "blkio_weight": limits.blkio_weight,
    }  # fmt: skip


def inspect_pod(engine: Engine, pod: Pod) -> dict[str, object]:
    """A pod, in the shape of ``podman pod inspect``."""
    own = members(engine, pod)
    infra = infra_in(own)
    found: dict[str, object] = {
        "Id": pod.id,
        "Name": pod.name,
        "Created": rfc3339(pod.created),
        "State": status_of(own),
        "ExitPolicy": pod.exit_policy,
        "Hostname": infra.options.hostname if infra else "",
        "Labels": pod.labels,
        "CreateInfra": infra is not None,
        "InfraContainerID": infra.id if infra else "",
        "SharedNamespaces": pod.share if infra else [],
        "CgroupPath": pod.options.get("cgroup", ""),
        **_limits(pod),
        "NumContainers": len(own),
        "Containers": [
            {"Id": one.id, "Name": one.name, "State": status(one),
             **({"InitContainerType": kind} if (kind := one.options.init_container) else {})}
            for one in own
        ],
    }  # fmt: skip
    if infra is not None:
        options = infra.options
        found["InfraConfig"] = {
            "PortBindings": bindings(options.ports),
            "HostNetwork": options.network == "host",
            "Networks": networks(engine, own),
            "DNSServer": options.dns,
            "DNSSearch": options.dns_search,
            "DNSOption": options.dns_option,
            "HostAdd": options.add_host,
        }
    return found
