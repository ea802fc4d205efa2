"""All checks."""

from conformance.engines import (
    checkpoints,
    kills,
    kubelet,
    lives,
    nodes,
    pods,
    profiles,
    propagations,
    selinux,
    shots,
    volumes,
    workloads,
)
from conformance.engines.checks import CHAPTERS, EVERY, Check

# Each puts its checks on the list.
MODULES = (
    shots, profiles, selinux, lives, propagations, checkpoints, kills, pods, nodes, workloads,
    volumes, kubelet,
)  # fmt: skip


def every() -> list[Check]:
    """The whole list, in the order of the chapters."""
    return sorted(EVERY, key=lambda one: CHAPTERS.index(one.chapter))
