"""A container of a kube file: the options of warren's container."""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import NamedTuple

from hutch.engine.containers.options import Options
from hutch.engine.network.records import PortOption
from hutch.kube.node import Node
from hutch.kube.probes import probes
from hutch.kube.quantity import quantity, whole
from hutch.kube.security import secure
from hutch.kube.sources import Sources
from hutch.kube.variables import PodFacts, environment, expand
from hutch.kube.volumes import Volume, mount

RESTART = {"Always": "always", "OnFailure": "on-failure", "Never": "no"}
GRACE = 30  # terminationGracePeriodSeconds
CPU_PERIOD = 100_000  # microseconds
LEAST_QUOTA, LEAST_SHARES = 1_000, 2  # of the kernel


class ContainerPlan(NamedTuple):
    """A container that is to be made."""

    name: str
    image: str
    pull: str  # always, missing, never
    options: Options
    spec: Node
    security: Node  # of the pod


PULL = {"Always": "always", "IfNotPresent": "missing", "Never": "never"}


def container(
    spec: Node, pod_spec: Node, sources: Sources, pod: PodFacts, volumes: Mapping[str, Volume],
    folder: Path, *, init: bool,
) -> ContainerPlan:  # fmt: skip
    """What a container's spec asks for. Raises KubeError."""
    options = Options()
    variables = environment(spec, sources, pod)
    options.image = spec["image"].text()
    options.env = [f"{name}={value}" for name, value in variables.items()]
    if spec["command"]:
        options.entrypoint = [expand(word, variables) for word in spec["command"].texts()] or None
    options.command = [expand(word, variables) for word in spec["args"].texts()]
    if spec["workingDir"]:
        options.workdir = spec["workingDir"].text()
    options.tty, options.interactive = spec["tty"].flag(), spec["stdin"].flag()
    options.stdin_once = spec["stdinOnce"].flag()
    options.annotations = dict(pod.annotations)
    options.stop_timeout = pod_spec["terminationGracePeriodSeconds"].whole(GRACE)
    if spec["lifecycle"]["stopSignal"]:
        options.stop_signal = spec["lifecycle"]["stopSignal"].text()
    if pod_spec["hostPID"].flag():
        options.pid_mode = "host"
    security = pod_spec["securityContext"]
    options.pids_limit = -1  # as a kubelet; warren run has one, as podman run
    secure(options, security, spec["securityContext"])
    limits(options, spec["resources"])
    if init:
        options.init_container = "always"
        for name in ("livenessProbe", "readinessProbe", "startupProbe"):
            if spec[name]:
                raise spec[name].wrong("init containers have no probes", shown=False)
        options.health = {"test": ["NONE"]}
    else:
        options.restart = RESTART[pod_spec["restartPolicy"].text("Always")]
        probes(options, spec)
    for node in spec["volumeMounts"]:
        mount(options, node, volumes, variables, folder)
    name, pull = spec["name"].text(), PULL[spec["imagePullPolicy"].text("IfNotPresent")]
    return ContainerPlan(name, options.image, pull, options, spec, security)


def limits(options: Options, resources: Node) -> None:
    """limits and requests: as a kubelet tells them to the kernel. Raises KubeError."""
    upper, lower = resources["limits"], resources["requests"]
    for kind in (upper, lower):
        for name, node in kind.pairs():
            if name not in ("cpu", "memory"):
                raise node.wrong("warren limits cpu and memory, and no other resource")
            if kind is lower and upper[name] and quantity(node) > quantity(upper[name]):
                raise node.wrong(f"is more than the limit, {upper[name].text()}")
    if upper["cpu"]:
        options.cpu_period = CPU_PERIOD
        options.cpu_quota = max(ceil(quantity(upper["cpu"]) * CPU_PERIOD), LEAST_QUOTA)
    asked = lower["cpu"] if lower["cpu"] else upper["cpu"]
    if asked:
        options.cpu_shares = max(int(quantity(asked) * Fraction(1024)), LEAST_SHARES)
    if upper["memory"]:
        options.memory = options.memory_swap = whole(upper["memory"])  # no swap beyond it
    if lower["memory"]:
        options.memory_reservation = whole(lower["memory"])


def ports(spec: Node) -> list[PortOption]:
    """The ports of the host that lead to the container's. Raises KubeError."""
    from ipaddress import ip_address

    found: list[PortOption] = []
    for node in spec["ports"]:
        if not node["hostPort"]:
            continue
        address = node["hostIP"].text()
        if address:
            try:
                ip_address(address)
            except ValueError:
                raise node["hostIP"].wrong("this is not an address") from None
        number = node["hostPort"].whole()
        found.append({
            "address": "" if address in ("0.0.0.0", "::") else address,  # noqa: S104
            "first": number, "last": number, "port": node["containerPort"].whole(),
            "protocol": node["protocol"].text("TCP").lower(),
        })  # fmt: skip
    return found


def exposed(spec: Node) -> list[str]:
    """The ports that the container says it has."""
    return [f"{one['containerPort'].whole()}/{one['protocol'].text('TCP').lower()}"
            for one in spec["ports"]]  # fmt: skip
