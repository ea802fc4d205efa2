"""Which limits a container has reached: memory and pids, and whose limits they were.

The kernel counts both until the cgroup is removed. Sources: admin-guide/cgroup-v1/memory.rst and
pids.rst, admin-guide/cgroup-v2.rst ("memory.events", "memory.events.local", "pids.events").
"""

from hutch.cgroups.files import exists, flat, read_or

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    from hutch.plan.cgroup_paths import Cgroup

    class MemoryHit(TypedDict, total=False):
        """``kills``: how many processes the kernel has killed. ``whose`` limit it was: "container",
        "ancestor" (a cgroup above, whose directory is ``cgroup``) or "host" (the machine had no
        memory left). ``limit`` and ``peak`` are bytes: that limit, and the most that the container
        has used."""

        kills: int
        whose: str
        cgroup: str
        limit: int
        peak: int

    class PidsHit(TypedDict, total=False):
        """``refused``: how many processes were not made. ``whose`` limit it was: "container" or
        "ancestor"; ``limit`` is the container's own, in processes."""

        refused: int
        whose: str
        limit: int


NO_LIMIT = 1 << 62  # v1 shows no limit as the largest multiple of a page


def memory_hit(cgroup: "Cgroup", before: int = 0) -> "MemoryHit | None":
    """What is counted of processes that were killed because memory ran out, without the first
    ``before`` ones; None if none was."""
    from hutch.cgroups.oom import oom_killed

    kills = oom_killed(cgroup) - before
    directory = _directory(cgroup, "memory")
    if kills <= 0 or not directory:
        return None
    hit: MemoryHit = {"kills": kills, "whose": "host"}
    peak = memory_peak(cgroup)
    if peak:
        hit["peak"] = peak
    found = reached(directory, cgroup.mode == "v2")
    if found:
        hit["whose"] = "container" if found == directory else "ancestor"
        hit["limit"] = limit_of(found, cgroup.mode == "v2")
        if found != directory:
            hit["cgroup"] = found
    return hit


def memory_peak(cgroup: "Cgroup") -> int:
    """The most memory that it had, in bytes; 0 if it is not known."""
    directory = _directory(cgroup, "memory")
    if not directory:
        return 0
    name = "/memory.peak" if cgroup.mode == "v2" else "/memory.max_usage_in_bytes"
    return _number(read_or(directory + name))


def reached(directory: str, unified: bool) -> str:
    """The nearest cgroup, from ``directory`` upwards, whose own limit of memory was reached; ""
    if none was."""
    events = "/memory.events" if unified else "/memory.failcnt"
    while exists(directory + events):
        if limit_of(directory, unified):
            if not unified:
                # The limit of memory and swap together has files of its own.
                if _was_full(directory + "/memory.") or _was_full(directory + "/memory.memsw."):
                    return directory
            # Of a limit that was reached in a cgroup below, only memory.events of this one tells.
            elif flat(read_or(directory + events + ".local")).get("oom"):
                return directory
        directory = directory.rpartition("/")[0]
    return ""


def _was_full(prefix: str) -> bool:
    """Whether a limit of v1 was reached: failcnt counts that, but is 0 always in Linux 6.18."""
    if _number(read_or(prefix + "failcnt")):
        return True
    limit = _number(read_or(prefix + "limit_in_bytes"))
    return 0 < limit <= _number(read_or(prefix + "max_usage_in_bytes"))


def limit_of(directory: str, unified: bool) -> int:
    """The limit of memory of a cgroup in bytes; 0 if it has none."""
    limit = _number(read_or(directory + ("/memory.max" if unified else "/memory.limit_in_bytes")))
    return limit if limit < NO_LIMIT else 0


def pids_hit(cgroup: "Cgroup", before: int = 0) -> "PidsHit | None":
    """What is counted of processes that could not be made because of a pids limit, without the
    first ``before`` ones; None if all could. cgroup2 of Linux 6.11 and newer counts this where the
    limit is: an ancestor's is not seen then."""
    directory = _directory(cgroup, "pids")
    refused = pids_refused(cgroup) - before
    if refused <= 0:
        return None
    limit = read_or(directory + "/pids.max").strip()
    hit: PidsHit = {"refused": refused, "whose": "ancestor"}
    if limit.isdecimal():
        hit["limit"] = int(limit)
        # pids.peak since Linux 6.1.
        peak = read_or(directory + "/pids.peak").strip()
        if not peak or _number(peak) >= int(limit):
            hit["whose"] = "container"
    return hit


def pids_refused(cgroup: "Cgroup") -> int:
    """How often a process could not be made because of a pids limit; 0 if it is not known."""
    directory = _directory(cgroup, "pids")
    return flat(read_or(directory + "/pids.events")).get("max", 0) if directory else 0


def _directory(cgroup: "Cgroup", controller: str) -> str:
    return cgroup.directories.get("" if cgroup.mode == "v2" else controller, "")


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isdecimal() else 0
