"""``kube generate``: makes of pods and containers a file that ``kube play`` and a cluster take."""

import base64
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import yaml

from hutch.engine.containers.options import Options
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.engine.errors import Conflict, NoSuchPod
from hutch.engine.pods.records import Pod, PodOptions
from hutch.errors import HutchError, UsageError
from hutch.kube.containers import GRACE
from hutch.kube.generate_container import Object, VolumesOfPod, container
from hutch.kube.quantity import written

HEAD = "# Written by warren kube generate; play it by: warren kube play FILE\n"
RESTART = {"always": "Always", "unless-stopped": "Always", "on-failure": "OnFailure", "no": "Never"}
ANNOTATIONS = "annotations"


class Group(NamedTuple):
    """What becomes one pod: its name, its containers, and the options of what has its network."""

    name: str
    records: list[Record]
    infra: Options
    pod: Pod | None


class Dumper(yaml.SafeDumper):
    """Texts of several lines are written as such, and no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text and not any(c in text for c in "\t\r") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


Dumper.add_representer(str, _text)


def generate(
    engine: Engine, names: list[str], warn: Callable[[HutchError], None], *,
    deployment: bool = False, replicas: int = 1,
) -> str:  # fmt: skip
    """The file. Each pod becomes a pod, and all containers that are named one; ``warn`` is told of
    what the file cannot say. Raises NoSuchContainer, UsageError, Conflict."""
    groups: list[Group] = []
    single: list[Record] = []
    for name in names:
        try:
            groups.append(of_pod(engine, engine.pods.find(name)))
        except NoSuchPod:
            record = engine.records.find(name)
            if record.options.pod:
                raise UsageError(
                    f"container {record.name} is one of a pod", hint="name the pod"
                ) from None
            single.append(record)
    if single:
        infra = single[0].options
        groups.append(Group(f"{single[0].name}-pod".replace("_", "-"), single, infra, None))
    documents: list[Object] = []
    for group in groups:
        claims, others, pod = objects(engine, group, warn)
        if deployment:
            pod = as_deployment(group.name, pod, replicas)
        documents += [one for one in [*claims, *others, pod] if one not in documents]
    texts = [yaml.dump(one, Dumper=Dumper, sort_keys=False, width=120) for one in documents]
    return HEAD + "---\n".join(texts)


def of_pod(engine: Engine, pod: Pod) -> Group:
    records = engine.records.of_pod(pod.id)
    infra = next((one.options for one in records if one.options.infra), Options())
    own = [one for one in records if not one.options.infra]
    if not own:
        raise Conflict(f"pod {pod.name} has no container", id=pod.id)
    return Group(pod.name, own, infra, pod)


def objects(
    engine: Engine, group: Group, warn: Callable[[HutchError], None]
) -> tuple[list[Object], list[Object], Object]:
    """A pod with the claims and the ConfigMaps and Secrets that it uses."""
    wanted: PodOptions = group.pod.options if group.pod else {}
    folder = str(engine.pods.volumes(group.pod.id)) if group.pod else ""
    volumes = VolumesOfPod(wanted.get("volumes", {}), folder)
    made: dict[str, list[Object]] = {"initContainers": [], "containers": []}
    for record in group.records:
        own = record.options
        ports = _ports(group, record)
        one = container(record, own.env, volumes, ports, warn)
        prefix = group.name + "-"
        if group.pod and record.name.startswith(prefix):
            one["name"] = record.name.removeprefix(prefix)
        made["initContainers" if own.init_container else "containers"].append(one)
    for memory in wanted.get("memory_volumes", []):
        for key, body in volumes.found.items():
            if key == f"own {folder}/{memory['name']}":
                size = {"sizeLimit": written(Fraction(memory["size"]))} if memory["size"] else {}
                body["emptyDir"] = {"medium": "Memory", **size}
    spec = pod_spec(group, wanted)
    spec.update({key: value for key, value in made.items() if value})
    if volumes.found:
        spec["volumes"] = list(volumes.found.values())
    labels = {**wanted.get("labels", {})} or {"app": group.name}
    annotations = {**group.records[0].options.annotations}
    metadata: Object = {"name": group.name, "labels": labels}
    metadata.update({ANNOTATIONS: annotations} if annotations else {})
    pod: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    return _claims(volumes), _values(volumes), pod


def _ports(group: Group, record: Record) -> list[Object]:
    """The ports of a container: those of a pod are said by its first container."""
    options = group.infra if group.pod else record.options
    if group.pod and record.id != next(
        one.id for one in group.records if not one.options.init_container
    ):
        return []
    found: list[Object] = []
    for port in options.ports:
        one: Object = {"containerPort": port["port"]}
        if port["first"]:
            one["hostPort"] = port["first"]
        if port["address"]:
            one["hostIP"] = port["address"]
        if port["protocol"] != "tcp":
            one["protocol"] = port["protocol"].upper()
        found.append(one)
    known = {(port["port"], port["protocol"]) for port in options.ports}
    for text in options.expose:
        number, _, protocol = text.partition("/")
        if number.isdecimal() and (int(number), protocol or "tcp") not in known:
            udp = {"protocol": "UDP"} if protocol == "udp" else {}
            found.append({"containerPort": int(number), **udp})
    return found


def pod_spec(group: Group, wanted: PodOptions) -> Object:
    """The parts of the spec that are about the whole pod."""
    infra, first = group.infra, group.records[-1].options
    spec: Object = {"restartPolicy": RESTART[first.restart]}
    if first.stop_timeout != GRACE:
        spec["terminationGracePeriodSeconds"] = first.stop_timeout
    if infra.network == "host":
        spec["hostNetwork"] = True
    if infra.ipc_mode == "host":
        spec["hostIPC"] = True
    if first.pid_mode == "host":
        spec["hostPID"] = True
    if "pid" in wanted.get("share", []):
        spec["shareProcessNamespace"] = True
    if infra.hostname and infra.hostname != group.name and infra.network != "host":
        spec["hostname"] = infra.hostname
    aliases: dict[str, list[str]] = {}
    for text in infra.add_host:
        name, _, address = text.replace("=", ":", 1).partition(":")
        aliases.setdefault(address, []).append(name)
    if aliases:
        spec["hostAliases"] = [{"ip": ip, "hostnames": names} for ip, names in aliases.items()]
    dns: Object = {"nameservers": infra.dns, "searches": infra.dns_search}
    options = [one.partition(":") for one in infra.dns_option]
    dns["options"] = [{"name": n, **({"value": v} if given else {})} for n, given, v in options]
    if any(dns.values()):
        spec["dnsConfig"] = {key: value for key, value in dns.items() if value}
    owner = wanted.get("fs_group")
    groups = [int(one) for one in first.group_add if one.isdecimal() and one != str(owner)]
    context: Object = {"supplementalGroups": groups} if groups else {}
    context.update({"fsGroup": owner} if owner is not None else {})
    if infra.sysctls:
        context["sysctls"] = [{"name": n, "value": v} for n, v in infra.sysctls.items()]
    if context:
        spec["securityContext"] = context
    return spec


def _claims(volumes: VolumesOfPod) -> list[Object]:
    """A PersistentVolumeClaim for each named volume; a cluster wants to know a size."""
    found: list[Object] = []
    for body in volumes.found.values():
        claim = body.get("persistentVolumeClaim")
        if isinstance(claim, dict):
            found.append({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {"name": claim["claimName"]},
                "spec": {"accessModes": ["ReadWriteOnce"],
                         "resources": {"requests": {"storage": "1Gi"}}},
            })  # fmt: skip
    return found


def _values(volumes: VolumesOfPod) -> list[Object]:
    """The ConfigMaps and Secrets of volumes that were made of some: from the files."""
    found: list[Object] = []
    for key, body in volumes.found.items():
        kind = "ConfigMap" if "configMap" in body else "Secret" if "secret" in body else ""
        if not kind or not key.startswith("own "):
            continue
        top = Path(key.removeprefix("own "))
        files = {str(path.relative_to(top)): path.read_bytes()
                 for path in sorted(top.rglob("*")) if path.is_file()}  # fmt: skip
        # A key has no slash: the volume says which file each becomes.
        keys = {name: name.replace("/", ".") for name in files}
        part = body["configMap" if kind == "ConfigMap" else "secret"]
        assert isinstance(part, dict)
        modes = {name: (top / name).stat().st_mode & 0o777 for name in files}
        if any(name != keys[name] for name in files) or len(set(modes.values())) > 1:
            part["items"] = [{"key": keys[name], "path": name, "mode": modes[name]}
                             for name in files]  # fmt: skip
        elif modes:
            part["defaultMode"] = next(iter(modes.values()))
        found.append({
            "apiVersion": "v1", "kind": kind, "metadata": {"name": top.name},
            **_data(kind, {keys[name]: data for name, data in files.items()}),
        })  # fmt: skip
    return found


def _data(kind: str, values: dict[str, bytes]) -> Object:
    plain: dict[str, str] = {}
    coded: dict[str, str] = {}
    for key, value in values.items():
        try:
            if kind == "Secret":
                raise UnicodeError
            plain[key] = value.decode()
        except UnicodeError:
            coded[key] = base64.b64encode(value).decode()
    parts = {"data": plain or None, "binaryData": coded or None} if kind == "ConfigMap" else {
        "data": coded
    }  # fmt: skip
    return {key: part for key, part in parts.items() if part}


def as_deployment(name: str, pod: Object, replicas: int) -> Object:
    """A Deployment whose template is the pod."""
    metadata, spec = pod["metadata"], pod["spec"]
    assert isinstance(metadata, dict)
    assert isinstance(spec, dict)
    if spec["restartPolicy"] != "Always":
        raise UsageError(
            f"--type deployment: the pod {name} is not always started again",
            hint="a Deployment is for containers with --restart always",
        )
    kept = {key: metadata[key] for key in ("labels", ANNOTATIONS) if key in metadata}
    template = {"metadata": kept, "spec": spec}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {"replicas": replicas, "selector": {"matchLabels": metadata["labels"]},
                 "template": template},
    }  # fmt: skip
