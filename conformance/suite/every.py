"""All rows: each module that is imported here adds its own to the documents."""

from conformance.suite import (
    cgroups,
    devices,
    features,
    hooks,
    lifecycle,
    limits,
    mounts,
    namespaces,
    network_devices,
    options,
    paths,
    process,
    properties,
    rdt,
    seccomp,
)
from conformance.suite.documents import DOCUMENTS
from conformance.suite.table import Row

__all__ = [
    "cgroups",
    "devices",
    "features",
    "hooks",
    "lifecycle",
    "limits",
    "mounts",
    "namespaces",
    "network_devices",
    "options",
    "paths",
    "process",
    "properties",
    "rdt",
    "rows",
    "seccomp",
]


def rows() -> list[Row]:
    """All rows, in the specification's order."""
    return [
        row
        for document in DOCUMENTS
        for row in sorted(document.rows, key=lambda row: (row.lines[0], row.id))
    ]
