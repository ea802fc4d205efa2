"""The formats of strings in config.json. Each function says whether a string has the format.

check.py tests for all strings that they contain no NUL, because strings of the kernel end at it.
"""

HOSTNAME_MAX = 64  # __NEW_UTS_LEN, in bytes
INTERFACE_MAX = 15  # IFNAMSIZ less the NUL
SEMVER = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


def absolute_path(text: str) -> bool:
    """Begins with a slash."""
    return text[:1] == "/"


def destination(text: str) -> bool:
    """Where a mount goes: an absolute path."""
    return text[:1] == "/"


def absolute_path_or_none(text: str) -> bool:
    """Begins with a slash, or is empty: programs in Go write "" for a path that is not set."""
    return text == "" or text[0] == "/"


def not_empty(text: str) -> bool:
    """Has at least one character."""
    return text != ""


def one_line(text: str) -> bool:
    """Has no line end."""
    return "\n" not in text


def version(text: str) -> bool:
    """A version 1.x.y of the specification, in SemVer 2.0.0 (so 1.0.2-dev and 1.3.0+dev too)."""
    text, plus, build = text.partition("+")
    core, dash, pre_release = text.partition("-")
    if plus and not all(part and SEMVER.issuperset(part) for part in build.split(".")):
        return False
    if dash:
        for part in pre_release.split("."):
            if not part or not SEMVER.issuperset(part) or (part.isdigit() and not _number(part)):
                return False
    numbers = core.split(".")
    return len(numbers) == 3 and numbers[0] == "1" and all(map(_number, numbers))


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and (text[0] != "0" or text == "0")


def variable(text: str) -> bool:
    """A name, an equals sign, a value (environ(7))."""
    return text.find("=") > 0


def hostname(text: str) -> bool:
    """Short enough for sethostname(2) and setdomainname(2)."""
    return len(text) * 4 <= HOSTNAME_MAX or len(text.encode("utf-8", "replace")) <= HOSTNAME_MAX


def number_list(text: str) -> bool:
    """A list of CPUs or memory nodes: 0-3,7. Spaces and empty entries are left to the kernel."""
    for part in text.split(","):
        first, dash, last = part.partition("-")
        first, last = first.strip(" "), last.strip(" ")
        if not first and not dash:
            continue
        if not (first.isascii() and first.isdigit() and len(first) < 10):
            return False
        if not dash:
            continue
        # The kernel checks the largest number; the length is limited here for int().
        if not (last.isascii() and last.isdigit() and len(last) < 20 and int(first) <= int(last)):
            return False
    return True


def word(text: str) -> bool:
    """Has at least one character, and no white space: one field of a line for the kernel."""
    return text != "" and not any(c.isspace() for c in text)


def cgroup_file(text: str) -> bool:
    """The name of a file of cgroup v2: CONTROLLER.NAME."""
    return "." in text.strip(".") and "/" not in text


def file_name(text: str) -> bool:
    """The name of a file in a directory, not a path."""
    return text not in ("", ".", "..") and "/" not in text


def interface(text: str) -> bool:
    """The name of a network device, by the rules of the kernel's dev_valid_name()."""
    return (
        0 < len(text.encode("utf-8", "replace")) <= INTERFACE_MAX
        and text not in (".", "..")
        and not any(c in "/:" or c.isspace() for c in text)
    )


def page_size(text: str) -> bool:
    """The size of a huge page: 64KB, 2MB, 1GB."""
    return text[-2:] in ("KB", "MB", "GB") and text[0] != "0" and _number(text[:-2])


def device_access(text: str) -> bool:
    """Made of r (read), w (write) and m (mknod)."""
    return text != "" and not text.strip("rwm")


def device_path(text: str) -> bool:
    """An absolute path without "..": where a device node is made."""
    return text[:1] == "/" and ".." not in text.split("/")


def memory_bandwidth(text: str) -> bool:
    """A schema line of resctrl for memory bandwidth."""
    return text.startswith("MB:") and "\n" not in text


def class_of_service(text: str) -> bool:
    """A directory of resctrl, or "/" for the default class."""
    return text == "/" or file_name(text)
