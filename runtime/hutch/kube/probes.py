"""Probes: startup, liveness and readiness, as the engine's health checks carry them out."""

from hutch.engine.containers.options import HealthOption, Options
from hutch.kube.node import Node

MINUTE = 60.0
# Fields and their defaults (Probe v1 core): seconds, and numbers of checks.
PERIOD, TIMEOUT, FAILURES, SUCCESSES = 10, 1, 3, 1


def probes(options: Options, spec: Node) -> None:
    """Gives a container its checks. A liveness probe that fails ends the container, which the
    restart policy then starts again; so does a startup probe, until which the others wait. Without
    a liveness probe the readiness probe is the container's health. Raises KubeError."""
    liveness, readiness = spec["livenessProbe"], spec["readinessProbe"]
    if spec["startupProbe"]:
        options.startup = probe(spec["startupProbe"], spec, ends=True)
    if liveness:
        options.health = probe(liveness, spec, ends=True)
        if readiness:
            options.readiness = probe(readiness, spec, ends=False)
    elif readiness:
        options.health = probe(readiness, spec, ends=False)
    else:
        options.health = {"test": ["NONE"]}  # not the image's own, as in Kubernetes


def probe(node: Node, spec: Node, *, ends: bool) -> HealthOption:
    """One probe; ``ends``: a container that fails it is ended."""
    period = float(node["periodSeconds"].whole(PERIOD))
    successes = node["successThreshold"].whole(SUCCESSES)
    if ends and successes != 1:
        raise node["successThreshold"].wrong("must be 1 for liveness and startup probes")
    found: HealthOption = {
        "test": test(node, spec), "interval": period, "start_interval": period,
        "timeout": float(node["timeoutSeconds"].whole(TIMEOUT)), "start_period": 0.0,
        "retries": node["failureThreshold"].whole(FAILURES),
        "delay": float(node["initialDelaySeconds"].whole()), "successes": successes,
    }  # fmt: skip
    if ends:
        found["on_failure"] = "stop"
        if node["terminationGracePeriodSeconds"]:
            found["grace"] = float(node["terminationGracePeriodSeconds"].whole())
    return found


def test(node: Node, spec: Node) -> list[str]:
    """What is checked: exactly one of exec, httpGet, tcpSocket."""
    given = [name for name in ("exec", "httpGet", "tcpSocket") if node[name]]
    if len(given) != 1:
        raise node.wrong("one of exec, httpGet and tcpSocket is wanted", shown=False)
    action = node[given[0]]
    if given[0] == "exec":
        return ["CMD", *action["command"].texts()]
    place = [action["host"].text(), str(port(action["port"], spec))]
    if given[0] == "tcpSocket":
        return ["TCP-SOCKET", *place]
    headers = []
    for header in action["httpHeaders"]:
        line = f"{header['name'].text()}: {header['value'].text()}"
        if not line.isprintable() or not header["name"].text().replace("-", "").isalnum():
            raise header.wrong("this is not a header of HTTP", shown=False)
        headers.append(line)
    path = action["path"].text("/")
    if not path.isprintable() or " " in path or not path.isascii():
        raise action["path"].wrong("this is not a path of HTTP")
    return ["HTTP-GET", *place, path if path.startswith("/") else "/" + path, *headers]


def port(node: Node, spec: Node) -> int:
    """A port by its number, or by the name that the container's ports give it."""
    if isinstance(node.value, int):
        if not 0 < node.value < 65536:
            raise node.wrong("a port is 1 to 65535")
        return node.value
    for one in spec["ports"]:
        if one["name"] and one["name"].text() == node.text():
            return one["containerPort"].whole()
    raise node.wrong("the container has no port of this name")
