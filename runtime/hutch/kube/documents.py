"""Reads the objects of a kube file: YAML, or JSON, which is YAML, with several documents."""

import re
from typing import NamedTuple

import yaml

from hutch.errors import UsageError, shown
from hutch.kube.errors import KubeError

MOST = 8 << 20  # bytes of a file
NODES = 200_000  # values of a file, each alias counted as what it stands for
LIST = "List"


class Document(NamedTuple):
    """One object: what it is called in errors ("Pod web"), its kind, its name, all of it."""

    title: str
    kind: str
    name: str
    body: dict[str, object]


class Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a key stands once in an object, and a date is text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        self.flatten_mapping(node)
        found: dict[object, object] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                key = key_node.value if isinstance(key_node, yaml.ScalarNode) else repr(key)
            if key in found:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {shown(key)} stands there twice", key_node.start_mark
                )
            found[key] = self.construct_object(value_node, deep=True)
        return found


Loader.add_constructor("tag:yaml.org,2002:map", Loader.construct_mapping)
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if not tag.endswith(":timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: bytes, name: str) -> list[Document]:
    """The objects of a file, ``name`` for errors; those in a List one by one. Raises UsageError if
    it is no YAML, KubeError if a document is no object of Kubernetes."""
    if len(text) > MOST:
        raise UsageError(f"{name}: larger than {MOST >> 20} MiB")
    try:
        bodies = list(yaml.load_all(text.decode(), Loader))
    except UnicodeDecodeError:
        raise UsageError(f"{name}: it is not UTF-8") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{name}: {reason(error)}") from None
    except RecursionError:
        raise UsageError(f"{name}: nested too deeply") from None
    found: list[Document] = []
    for body in bodies:
        if body is not None:
            _bounded(body, name)
            found += _objects(body, f"{name}: document {len(found) + 1}")
    return found


def reason(error: yaml.YAMLError) -> str:
    """Where a text is no YAML, and why."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    if isinstance(error, yaml.reader.ReaderError):
        return f"character {error.position}: {error.reason}"
    return "it is not YAML"


def _bounded(body: object, name: str) -> None:
    """Raises UsageError for more values than a file of that kind has: aliases of aliases."""
    count, todo = 0, [body]
    while todo:
        value = todo.pop()
        count += 1
        if count > NODES:
            raise UsageError(f"{name}: more than {NODES} values")
        if isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, list):
            todo += value


def _objects(body: object, place: str) -> list[Document]:
    if not isinstance(body, dict):
        raise UsageError(f"{place}: an object of Kubernetes is wanted, with apiVersion and kind")
    kind = body.get("kind")
    if not isinstance(kind, str):
        raise KubeError(place, "kind", "a string is wanted, as in Pod", value=body.get("kind", ...))
    if not isinstance(body.get("apiVersion"), str):
        value = body.get("apiVersion", ...)
        raise KubeError(place, "apiVersion", "a string is wanted, as in v1", value=value)
    if kind == LIST or (kind.endswith(LIST) and "items" in body):
        items = body.get("items")
        if not isinstance(items, list):
            raise KubeError(place, "items", "a list is wanted")
        return [one for number, item in enumerate(items)
                for one in _objects(item, f"{place}: items[{number}]")]  # fmt: skip
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251})", name):
        raise KubeError(
            f"{place}: {kind}", "metadata.name", "a name of letters, digits, - and . is wanted",
            value=... if name is None else name,
        )  # fmt: skip
    return [Document(f"{kind} {name}", kind, name, {k: _given(v) for k, v in body.items()
                                                    if v is not None})]  # fmt: skip


def _given(value: object) -> object:
    """The value without fields that are null: Kubernetes takes them for missing."""
    if isinstance(value, dict):
        return {key: _given(one) for key, one in value.items() if one is not None}
    return [_given(one) for one in value] if isinstance(value, list) else value
