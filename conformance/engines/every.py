"""All checks."""

from conformance.engines import kills, lives, nodes, pods, profiles, shots
from conformance.engines.checks import CHAPTERS, EVERY, Check

MODULES = (shots, profiles, lives, kills, pods, nodes)  # each puts its checks on the list


def every() -> list[Check]:
    """The whole list, in the order of the chapters."""
    return sorted(EVERY, key=lambda one: CHAPTERS.index(one.chapter))
