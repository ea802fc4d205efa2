"""ConfigMaps and Secrets: the values that containers take their variables and files from."""

import base64
import binascii
import re
from collections.abc import Iterable

from hutch.kube.documents import Document
from hutch.kube.errors import KubeError
from hutch.kube.node import Node

KEY = re.compile(r"[-._a-zA-Z0-9]+")


class Sources:
    """The ConfigMaps and Secrets of some files, by kind and name. A later one of the same name
    takes the place of an earlier one."""

    def __init__(self, documents: Iterable[Document] = ()) -> None:
        self._found: dict[tuple[str, str], dict[str, bytes]] = {}
        for document in documents:
            if document.kind in ("ConfigMap", "Secret"):
                self._found[document.kind, document.name] = values(document)

    def data(self, kind: str, name: Node, *, optional: bool) -> dict[str, bytes]:
        """The values of the object that a field names; none if it is optional and not there.
        Raises KubeError."""
        found = self._found.get((kind, name.text()))
        if found is not None:
            return found
        if optional:
            return {}
        if not name:
            raise name.wrong("this field is missing")
        raise name.wrong(
            f"no {kind} of this name was given",
            hint=f"put the {kind} into the file, or name a file that has it with --configmap",
        )

    def value(self, kind: str, ref: Node) -> bytes | None:
        """The value that a key of an object has (configMapKeyRef); None if it is optional and not
        there. Raises KubeError."""
        optional = ref["optional"].flag()
        found = self.data(kind, ref["name"], optional=optional).get(ref["key"].text())
        if found is None and not optional:
            raise ref["key"].wrong(f"the {kind} {ref['name'].text()} has no such key")
        return found


def values(document: Document) -> dict[str, bytes]:
    """What an object says. Raises KubeError for a key or a value that cannot be."""
    top = Node(document.title, document.body)
    plain, coded = (
        ("data", "binaryData") if document.kind == "ConfigMap" else ("stringData", "data")
    )
    found: dict[str, bytes] = {}
    for name, node in top[coded].pairs():
        try:
            found[name] = base64.b64decode("".join(node.text().split()), validate=True)
        except (binascii.Error, ValueError):
            raise node.wrong("this is not base64", shown=False, hint="or use stringData"
                             if document.kind == "Secret" else "") from None  # fmt: skip
    for name, node in top[plain].pairs():
        found[name] = node.text().encode()
    for name in found:
        if not KEY.fullmatch(name) or name in (".", ".."):
            raise KubeError(document.title, f"data.{name}", "a key has letters, digits, - _ and .")
    return found
