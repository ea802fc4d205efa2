"""The form of the statistics, the same for v1 and v2, and of the kernel's files behind them."""

import posix


def frame() -> "dict[str, object]":
    """The ``data`` of ``events --stats`` with nothing in it; the last two are not of the cgroup."""
    return {
        "cpu": {"usage": {}, "throttling": {}},
        "cpuset": {},
        "memory": {},
        "pids": {},
        "blkio": {},
        "hugetlb": {},
        "intel_rdt": {},
        "network_interfaces": None,
    }


def as_list(ranges: str) -> "list[int]":
    """ "0-2,7" as [0, 1, 2, 7] (cpuset(7), List format)."""
    result: list[int] = []
    for part in ranges.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            result += range(int(first), int(last or first) + 1)
    return result


def block_entries(content: str) -> "list[dict[str, object]]":
    """Lines "8:0 Read 4096" or "8:0 4096" of a blkio file; the total of all devices is left out."""
    entries = []
    for line in content.splitlines():
        words = line.split()
        major, colon, minor = words[0].partition(":")
        if colon:
            operation = words[1] if len(words) > 2 else ""
            entries.append(
                {
                    "major": int(major),
                    "minor": int(minor),
                    "op": operation,
                    "value": int(words[-1]),
                }
            )
    return entries


def hugetlb_sizes(directory: str, suffix: str) -> "list[str]":
    """The page sizes ("2MB", "1GB") for which ``directory`` has a hugetlb file."""
    try:
        names = posix.listdir(directory)
    except OSError:
        return []
    ends = (".rsvd" + suffix, suffix)
    return sorted(
        name[8 : -len(suffix)]
        for name in names
        if name[:8] == "hugetlb." and name.endswith(suffix) and not name.endswith(ends[0])
    )
