"""The environment of a container, and $(VAR) in what the container is given."""

import re
from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from hutch.kube.node import Node
from hutch.kube.quantity import quantity
from hutch.kube.sources import Sources

NAME = re.compile(r"[^=\0\x01-\x1f]+")
PART = re.compile(r"\$(?:\$|\(([^)]*)\))")
SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


class PodFacts(NamedTuple):
    """What a container may ask about its pod (fieldRef)."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    node: str  # the name of this host
    containers: Mapping[str, Node]  # the specs, by name


def expand(text: str, variables: Mapping[str, str]) -> str:
    """$(NAME) by the variable's value, $$ by $; a name that is not known stays as it is."""

    def value(match: re.Match[str]) -> str:
        if match.group(0) == "$$":
            return "$"
        return variables.get(match.group(1), match.group(0))

    return PART.sub(value, text)


def environment(spec: Node, sources: Sources, pod: PodFacts) -> dict[str, str]:
    """The variables of a container: those of envFrom, then those of env, which may refer to the
    ones before them. Raises KubeError."""
    found: dict[str, str] = {}
    for item in spec["envFrom"]:
        for kind, ref in (("ConfigMap", item["configMapRef"]), ("Secret", item["secretRef"])):
            if ref:
                data = sources.data(kind, ref["name"], optional=ref["optional"].flag())
                for key, value in sorted(data.items()):
                    found[item["prefix"].text() + key] = decoded(value, ref["name"])
    for item in spec["env"]:
        if not NAME.fullmatch(item["name"].text()):
            raise item["name"].wrong("this is not a name of a variable")
        if item["value"] and item["valueFrom"]:
            raise item["valueFrom"].wrong("conflicts with value", shown=False)
        made = (
            from_elsewhere(item["valueFrom"], spec, sources, pod) if item["valueFrom"]
            else expand(item["value"].text(), found)
        )  # fmt: skip
        if made is not None:
            found[item["name"].text()] = made
    return found


def decoded(value: bytes, node: Node) -> str:
    """A value as a variable can have it. Raises KubeError."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise node.wrong("has a value that is no text, so no variable can have it")
    return text


def from_elsewhere(source: Node, spec: Node, sources: Sources, pod: PodFacts) -> str | None:
    """What valueFrom means; None for an optional key that is not there."""
    given = [name for name, _ in source.pairs()]
    if len(given) != 1:
        raise source.wrong("one of configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef"
                           " is wanted", shown=False)  # fmt: skip
    ref = source[given[0]]
    if given[0] == "fieldRef":
        return field(ref["fieldPath"], pod)
    if given[0] == "resourceFieldRef":
        return resource(ref, spec, pod)
    kind = "ConfigMap" if given[0] == "configMapKeyRef" else "Secret"
    value = sources.value(kind, ref)
    return None if value is None else decoded(value, ref["key"])


def field(path: Node, pod: PodFacts) -> str:
    """The value of a field of the pod. Raises KubeError for one that warren does not know."""
    text = path.text()
    known = {
        "metadata.name": pod.name, "metadata.namespace": "default", "spec.nodeName": pod.node,
        "spec.serviceAccountName": "default",
        "metadata.labels": lines(pod.labels), "metadata.annotations": lines(pod.annotations),
    }  # fmt: skip
    if text in known:
        return known[text]
    if found := SUBSCRIPT.fullmatch(text):
        kind, key = found.groups()
        return (pod.labels if kind == "labels" else pod.annotations).get(key, "")
    raise path.wrong(
        "warren does not know this field",
        hint="metadata.name, metadata.namespace, metadata.labels['KEY'],"
        " metadata.annotations['KEY'], spec.nodeName",
    )


def lines(pairs: Mapping[str, str]) -> str:
    """Labels as a file of the downward API has them."""
    import json

    return "\n".join(f"{key}={json.dumps(value)}" for key, value in sorted(pairs.items()))


def resource(ref: Node, spec: Node, pod: PodFacts) -> str:
    """A limit or request of a container, in units of the divisor, rounded up."""
    chosen = spec
    if ref["containerName"]:
        if ref["containerName"].text() not in pod.containers:
            raise ref["containerName"].wrong("the pod has no container of this name")
        chosen = pod.containers[ref["containerName"].text()]
    kind, _, name = ref["resource"].text().partition(".")
    if kind not in ("limits", "requests") or name not in ("cpu", "memory"):
        raise ref["resource"].wrong(
            "warren does not know this resource", hint="limits.cpu, requests.memory and the like"
        )
    value = chosen["resources"][kind][name]
    if not value and kind == "requests":
        value = chosen["resources"]["limits"][name]
    divisor = quantity(ref["divisor"]) or Fraction(1)
    amount = quantity(value) if value else whole_machine(name)
    return str(ceil(amount / divisor))


def whole_machine(name: str) -> Fraction:
    """What a container without a limit may use."""
    import os

    if name == "cpu":
        return Fraction(os.cpu_count() or 1)
    return Fraction(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
