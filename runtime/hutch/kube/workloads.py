"""From the objects of a kube file to the pods that are to be made of them: nothing is done yet."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from hutch.engine.containers.options import Options
from hutch.engine.pods.records import PodOptions, new_id, new_pod
from hutch.errors import UsageError
from hutch.kube.containers import ContainerPlan, container, exposed, ports
from hutch.kube.documents import Document
from hutch.kube.errors import KubeError
from hutch.kube.node import Node
from hutch.kube.sources import Sources
from hutch.kube.variables import PodFacts
from hutch.kube.volumes import Volume, volume

REPLICATED = ("Deployment", "ReplicaSet", "StatefulSet")


class PodPlan(NamedTuple):
    """A pod that is to be made: ``id`` is the one that it gets, ``infra`` are the options of its
    infra container, ``group`` is fsGroup."""

    id: str
    name: str
    node: Node  # its spec
    options: PodOptions
    infra: Options
    volumes: dict[str, Volume]
    containers: list[ContainerPlan]
    group: int | None


class Shape(NamedTuple):
    """A pod of a file: its name, its metadata and spec, and what its workload adds."""

    name: str
    metadata: Node
    spec: Node
    claims: Mapping[str, str] = {}  # of a StatefulSet: volumes by claims
    retries: int | None = None  # of a Job


def shapes(document: Document) -> list[Shape]:
    """The pods that an object of a file stands for. Raises KubeError."""
    top = Node(document.title, document.body)
    if document.kind == "Pod":
        return [Shape(document.name, top["metadata"], top["spec"])]
    if document.kind in ("ConfigMap", "Secret", "PersistentVolumeClaim"):
        return []
    spec = top["spec"]
    template = spec["template"]
    own = (template["metadata"], template["spec"])
    policy = own[1]["restartPolicy"]
    if document.kind == "Job":
        if policy.text() not in ("OnFailure", "Never"):
            raise policy.wrong("of a Job it is OnFailure or Never")
        retries = spec["backoffLimit"].whole(6)
        return [Shape(f"{document.name}-pod", *own, retries=retries)]
    if policy.text("Always") != "Always":
        raise policy.wrong(f"of a {document.kind} it is Always")
    if document.kind not in REPLICATED:
        return [Shape(f"{document.name}-pod", *own)]
    found = []
    for number in range(spec["replicas"].whole(1)):
        if document.kind == "StatefulSet":
            name = f"{document.name}-{number + spec['ordinals']['start'].whole()}"
            claims = {
                claim: f"{claim}-{name}"
                for one in spec["volumeClaimTemplates"]
                if (claim := one["metadata"]["name"].text())
            }
            found.append(Shape(name, *own, claims=claims))
        else:
            found.append(Shape(f"{document.name}-pod-{number}" if number else
                               f"{document.name}-pod", *own))  # fmt: skip
    return found


def plans(
    documents: Iterable[Document], sources: Sources, folder: Callable[[str], Path]
) -> list[PodPlan]:
    """The pods of a file. ``folder`` gives the place where the volumes of a pod of that id will be.
    Raises KubeError."""
    found: list[PodPlan] = []
    for document in documents:
        for shape in shapes(document):
            if any(one.name == shape.name for one in found):
                raise KubeError(document.title, "metadata.name", "the file has two such pods",
                                value=shape.name)  # fmt: skip
            id = new_id()
            found.append(plan(id, shape, sources, folder(id)))
    return found


def plan(id: str, shape: Shape, sources: Sources, folder: Path) -> PodPlan:
    """One pod. Raises KubeError."""
    name, metadata, spec = shape.name, shape.metadata, shape.spec
    try:
        new_pod(name, {})
    except UsageError as error:
        raise metadata["name"].wrong(error.reason) from None
    specs = {one["name"].text(): one for one in (*spec["initContainers"], *spec["containers"])}
    facts = PodFacts(
        name, metadata["labels"].labels(), metadata["annotations"].labels(), os.uname().nodename,
        specs,
    )  # fmt: skip
    first = next(iter(spec["containers"]))
    volumes = {claim: Volume(claim, "persistentVolumeClaim", spec, source=source)
               for claim, source in shape.claims.items()}  # fmt: skip
    for node in spec["volumes"]:
        if node["name"].text() in volumes:
            raise node["name"].wrong("another volume of the pod has this name")
        volumes[node["name"].text()] = volume(node, sources, first, facts)
    made = [
        container(one, spec, sources, facts, volumes, folder, init=init)
        for key, init in (("initContainers", True), ("containers", False))
        for one in spec[key]
    ]
    names: set[str] = set()
    for one in made:
        if one.name in names:
            raise one.spec["name"].wrong("another container of the pod has this name")
        names.add(one.name)
        if shape.retries is not None and one.options.restart == "on-failure":
            one.options.restart_limit = shape.retries
    options: PodOptions = {
        "labels": dict(facts.labels), "exit_policy": "stop", "share": share(spec),
        "volumes": {one.name: one.kind for one in volumes.values()},
        "memory_volumes": [
            {"name": one.name, "size": one.size} for one in volumes.values() if one.memory
        ],
    }  # fmt: skip
    group = spec["securityContext"]["fsGroup"]
    if group:
        options["fs_group"] = group.whole()
    return PodPlan(id, name, spec, options, infra(shape), volumes, made,
                   group.whole() if group else None)  # fmt: skip


def share(spec: Node) -> list[str]:
    """The namespaces that the pod's containers share."""
    return ["ipc", "net", *(["pid"] if spec["shareProcessNamespace"].flag() else []), "uts"]


def infra(shape: Shape) -> Options:
    """The options of the infra container: network, ports, names, sysctls. Raises KubeError."""
    spec = shape.spec
    options = Options()
    host_network = spec["hostNetwork"].flag()
    options.network = "host" if host_network else ""
    for one in spec["containers"]:
        options.expose += exposed(one)
        if not host_network:
            options.ports += ports(one)
    options.hostname = spec["hostname"].text()
    if spec["hostIPC"].flag():
        options.ipc_mode = "host"
    for alias in spec["hostAliases"]:
        options.add_host += [f"{name}:{alias['ip'].text()}" for name in alias["hostnames"].texts()]
    config = spec["dnsConfig"]
    options.dns, options.dns_search = config["nameservers"].texts(), config["searches"].texts()
    options.dns_option = [
        one["name"].text() + (f":{one['value'].text()}" if one["value"] else "")
        for one in config["options"]
    ]
    if spec["dnsPolicy"].text() == "None" and not options.dns:
        raise spec["dnsPolicy"].wrong("dnsConfig.nameservers is missing")
    options.sysctls = {
        one["name"].text(): one["value"].text() for one in spec["securityContext"]["sysctls"]
    }
    return options
