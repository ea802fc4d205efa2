"""linux.intelRdt: the resctrl group of the container, and the lines to write to its schemata.

config-linux.md "IntelRdt"; Documentation/filesystems/resctrl.rst of the kernel.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.spec.config import IntelRdt

POINTER = "linux.intelRdt"
DEFAULT = "/"


class Rdt:
    """What linux.intelRdt asks for.

    ``group`` is the name of the group, "/" for the default one. ``named``: the name is from the
    config (closID), so the group stays when the container is deleted. ``lines`` are (pointer, line)
    for its schemata, in the order in which they are written. If the group exists already, its
    schemata must have the lines with ``compared`` pointers. ``monitor`` is the name of the
    container's monitoring group, "" for none.
    """

    __slots__ = ("compared", "group", "lines", "monitor", "named")

    def __init__(self, group: str, named: bool) -> None:
        self.group = group
        self.named = named
        self.lines: list[tuple[str, str]] = []
        self.compared: tuple[str, ...] = ()
        self.monitor = ""


def compile_rdt(settings: "IntelRdt", id: str) -> Rdt:
    """The resctrl group of container ``id`` for a checked linux.intelRdt."""
    closid = settings.get("closID") or ""
    rdt = Rdt(closid or id, bool(closid))
    for field in ("l3CacheSchema", "memBwSchema"):
        if settings.get(field):
            rdt.lines.append((POINTER + "." + field, settings[field]))
    rdt.compared = tuple([pointer for pointer, _ in rdt.lines])
    for index, line in enumerate(settings.get("schemata") or []):
        rdt.lines.append((f"{POINTER}.schemata[{index}]", line))
    if settings.get("enableMonitoring"):
        rdt.monitor = id
    return rdt


def stands_in(line: str, schemata: str) -> bool:
    """Whether the text of a schemata file has all values of a schema ``line``. The line may name
    only some of the domains, and may write numbers with leading zeros or in upper case."""
    found: dict[str, dict[str, str]] = {}
    for present in schemata.splitlines():
        resource, domains = _parsed(present)
        found[resource] = domains
    resource, wanted = _parsed(line)
    present_there = found.get(resource, {})
    return all(present_there.get(domain) == value for domain, value in wanted.items())


def _parsed(line: str) -> "tuple[str, dict[str, str]]":
    """ "L3:0=7f0;1=1f" -> ("L3", {"0": "7f0", "1": "1f"})."""
    resource, _, rest = line.partition(":")
    domains = {}
    for part in rest.split(";"):
        domain, _, value = part.partition("=")
        domains[domain.strip()] = value.strip().lower().lstrip("0")
    return resource.strip(), domains
