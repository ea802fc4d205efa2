"""What is known about file systems without mounting them: the options that the kernel knows, and
whether the running kernel has them.

The options are those of the kernel's documentation (Documentation/filesystems) and of mount(8),
section "FILESYSTEM-SPECIFIC MOUNT OPTIONS". A file system that is not listed is not checked.
"""

import os
import re
from pathlib import Path

from hutch.plan.mount_options import known_options

SIZE = r"\d+[kKmMgGtTpPeE]?"
PERCENT = r"\d+(%|[kKmMgGtTpPeE])?"
OCTAL = r"[0-7]{1,4}"
NUMBER = r"\d+"
SWITCH = ""  # an option without a value

# The form of each option's value.
OPTIONS: dict[str, dict[str, str]] = {
    "tmpfs": {
        "size": PERCENT,
        "nr_blocks": SIZE,
        "nr_inodes": SIZE,
        "mode": OCTAL,
        "uid": NUMBER,
        "gid": NUMBER,
        "huge": "never|always|within_size|advise|deny|force",
        "mpol": ".+",
        "inode32": SWITCH,
        "inode64": SWITCH,
        "noswap": SWITCH,
        "quota": SWITCH,
        "usrquota": SWITCH,
        "grpquota": SWITCH,
        "usrquota_block_hardlimit": SIZE,
        "usrquota_inode_hardlimit": SIZE,
        "grpquota_block_hardlimit": SIZE,
        "grpquota_inode_hardlimit": SIZE,
        "casefold": ".*",
        "strict_encoding": SWITCH,
    },
    "proc": {
        "hidepid": "[0124]|off|noaccess|invisible|ptraceable",
        "gid": NUMBER,
        "subset": "pid",
        "pidns": ".+",
    },
    "sysfs": {},
    "mqueue": {},
    "devpts": {
        "uid": NUMBER,
        "gid": NUMBER,
        "mode": OCTAL,
        "ptmxmode": OCTAL,
        "newinstance": SWITCH,
        "max": NUMBER,
    },
    "overlay": {
        "lowerdir": ".+",
        "lowerdir+": ".+",
        "datadir+": ".+",
        "upperdir": ".+",
        "workdir": ".+",
        "redirect_dir": "on|follow|nofollow|off",
        "index": "on|off",
        "uuid": "on|off|null|auto",
        "nfs_export": "on|off",
        "userxattr": SWITCH,
        "xino": "on|off|auto",
        "metacopy": "on|off",
        "verity": "on|off|require",
        "volatile": SWITCH,
        "default_permissions": SWITCH,
        "override_creds": SWITCH,
    },
}
CONTEXTS = ("context", "fscontext", "defcontext", "rootcontext")
GENERAL = ("ro", "rw", "mand", "nomand", "sync", "async", "dirsync", "lazytime", "nolazytime")


def wrong_option(fstype: str, option: str) -> str:
    """What is wrong with an option for a file system; "" if nothing, or if it is not known."""
    known = OPTIONS.get(fstype)
    name, equals, value = option.partition("=")
    if known is None or name in GENERAL or name in CONTEXTS:
        return ""
    form = known.get(name)
    if form is None:
        return f"the file system {fstype} has no option {name}"
    if form == SWITCH:
        return f"the option {name} of {fstype} takes no value" if equals else ""
    if not equals:
        # hidepid, size and others need a value; a few have a default.
        return f"the option {name} of {fstype} needs a value" if form != ".*" else ""
    if not re.fullmatch(form, value):
        return f"the option {name} of {fstype} does not take this value"
    if name in ("uid", "gid") and int(value) >= (1 << 32) - 1:
        return f"the option {name} of {fstype} must be at most 4294967294"
    return ""


def option_names(fstype: str) -> list[str]:
    """The options for a mount of this file system, those of all mounts too."""
    return sorted({*OPTIONS.get(fstype, ()), *known_options()})


def of_this_kernel() -> dict[str, bool]:
    """The file systems that the running kernel has now: whether each needs a block device."""
    found = {}
    for line in Path("/proc/filesystems").read_text().splitlines():
        kind, _, name = line.rpartition("\t")
        found[name] = "nodev" not in kind
    return found


def is_loadable(fstype: str) -> bool:
    """Whether the kernel has a module for the file system, which it loads at the first mount."""
    folder = Path("/lib/modules") / os.uname().release
    wanted = {fstype, fstype.replace("-", "_")}
    for name in ("modules.dep", "modules.builtin"):
        try:
            lines = (folder / name).read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            module = line.partition(":")[0].rpartition("/")[2].partition(".ko")[0]
            if module.replace("-", "_") in wanted or f"fs-{fstype}" == module:
                return True
    try:
        return f"alias fs-{fstype} " in (folder / "modules.alias").read_text()
    except OSError:
        return False
