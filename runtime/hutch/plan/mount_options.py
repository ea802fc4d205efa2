"""The mount options of runtime-spec (config.md, "Linux mount options") and what each one does.

The compiler and ``hutch features`` use these tables. The constants are those of <linux/mount.h>.
"""

MS_SILENT = 1 << 15
MS_I_VERSION = 1 << 23
MS_REC = 1 << 14
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20

RDONLY = 0x01
NOSUID = 0x02
NODEV = 0x04
NOEXEC = 0x08
NOATIME = 0x10
STRICTATIME = 0x20
NODIRATIME = 0x80
NOSYMFOLLOW = 0x200000
ATIME_FIELD = 0x70

# Attributes of a mount: (the bits that mount_setattr(2) sets, those that it clears). relatime is 0
# in the field of atime options.
ATTRIBUTES = {
    "ro": (RDONLY, 0),
    "rw": (0, RDONLY),
    "nosuid": (NOSUID, 0),
    "suid": (0, NOSUID),
    "nodev": (NODEV, 0),
    "dev": (0, NODEV),
    "noexec": (NOEXEC, 0),
    "exec": (0, NOEXEC),
    "noatime": (NOATIME, ATIME_FIELD),
    "atime": (0, ATIME_FIELD),
    "relatime": (0, ATIME_FIELD),
    "norelatime": (STRICTATIME, ATIME_FIELD),
    "strictatime": (STRICTATIME, ATIME_FIELD),
    "nostrictatime": (0, ATIME_FIELD),
    "nodiratime": (NODIRATIME, 0),
    "diratime": (0, NODIRATIME),
    "nosymfollow": (NOSYMFOLLOW, 0),
    "symfollow": (0, NOSYMFOLLOW),
}

# The same for a mount and everything below it (mount_setattr with AT_RECURSIVE).
RECURSIVE = {"r" + name: bits for name, bits in ATTRIBUTES.items()}

# Flags of a file system that fsconfig knows by name.
FILESYSTEM_FLAGS = {
    "mand": "mand",
    "nomand": "nomand",
    "sync": "sync",
    "async": "async",
    "dirsync": "dirsync",
    "lazytime": "lazytime",
    "nolazytime": "nolazytime",
}

# Flags that only mount(2) takes, not fsconfig(2), and the options that clear them.
CLASSIC_FLAGS = {
    "silent": MS_SILENT,
    "iversion": MS_I_VERSION,
}
CLASSIC_CLEAR = {
    "loud": MS_SILENT,
    "noiversion": MS_I_VERSION,
}

PROPAGATION = {
    "shared": MS_SHARED,
    "rshared": MS_SHARED | MS_REC,
    "slave": MS_SLAVE,
    "rslave": MS_SLAVE | MS_REC,
    "private": MS_PRIVATE,
    "rprivate": MS_PRIVATE | MS_REC,
    "unbindable": MS_UNBINDABLE,
    "runbindable": MS_UNBINDABLE | MS_REC,
}

BIND = ("bind", "rbind")

# The runtime copies the content of the directory that a tmpfs covers into the tmpfs.
COPY_UP = "tmpcopyup"

# The mount has its own id mapping; with ridmap, all mounts below it have the mapping too.
IDMAP = ("idmap", "ridmap")

# Options that change nothing.
WITHOUT_EFFECT = ("defaults",)


# Options by which SELinux labels a file system (mount(8)).
CONTEXTS = ("context", "defcontext", "fscontext", "rootcontext")


class Options:
    """The options of one mount, sorted by what they change.

    ``set`` and ``clear`` are attributes of the mount; ``deep_set`` and ``deep_clear`` are
    attributes of the mount and all mounts below it; ``flags`` is for mount(2) only; ``copy_up`` is
    tmpcopyup; ``data`` are the options of the file system, and ``places`` the index of each in the
    config's list.
    """

    __slots__ = (
        "bind", "clear", "copy_up", "data", "deep_clear", "deep_set", "flags", "places",
        "propagation", "recursive", "remount", "set",
    )  # fmt: skip

    def __init__(self) -> None:
        self.set = 0
        self.clear = 0
        self.deep_set = 0
        self.deep_clear = 0
        self.flags = 0
        self.propagation = 0
        self.copy_up = False
        self.bind = False
        self.recursive = False
        self.remount = False
        self.data: list[str] = []
        self.places: list[int] = []


def read_options(words: "list[str]") -> Options:
    """The meaning of a mount's options. If two contradict each other, the last one counts, as in
    mount(8).

    An option that no table has is passed to the file system unchanged (config.md: "SHOULD").
    """
    options = Options()
    for place, word in enumerate(words):
        if word in ATTRIBUTES:
            add, remove = ATTRIBUTES[word]
            options.set = options.set & ~(remove | add) | add
            options.clear = options.clear & ~add | remove
            if word in ("ro", "rw"):
                _keep_last(options, place, word, ("ro", "rw"))
        elif word in PROPAGATION:
            options.propagation = PROPAGATION[word]
        elif word in BIND:
            options.bind = True
            options.recursive |= word == "rbind"
        elif word == "remount":
            options.remount = True
        elif word in RECURSIVE:
            add, remove = RECURSIVE[word]
            options.deep_set = options.deep_set & ~(remove | add) | add
            options.deep_clear = options.deep_clear & ~add | remove
        elif word in FILESYSTEM_FLAGS:
            options.data.append(FILESYSTEM_FLAGS[word])
            options.places.append(place)
        elif word in CLASSIC_FLAGS:
            options.flags |= CLASSIC_FLAGS[word]
        elif word in CLASSIC_CLEAR:
            options.flags &= ~CLASSIC_CLEAR[word]
        elif word == COPY_UP:
            options.copy_up = True
        elif word not in WITHOUT_EFFECT and word not in IDMAP:
            options.data.append(_unquoted(word) if "context=" in word else word)
            options.places.append(place)
    return options


def _unquoted(word: str) -> str:
    """The option without the quotes around an SELinux label: ``context="a:b:c:s0:c1,c2"``.

    mount(8) needs the quotes, because it splits options at commas. fsconfig(2) would take them as a
    part of the label.
    """
    name, _, label = word.partition("=")
    if name in CONTEXTS and len(label) > 1 and label[0] == label[-1] == '"':
        return name + "=" + label[1:-1]
    return word


def _keep_last(options: Options, place: int, word: str, rivals: "tuple[str, ...]") -> None:
    """Passes "ro" to the file system too, unless an "rw" follows it."""
    for index, present in enumerate(options.data):
        if present in rivals:
            del options.data[index], options.places[index]
            break
    if word == "ro":
        options.data.append(word)
        options.places.append(place)


def known_options() -> "list[str]":
    """All options that the tables have, sorted; for ``hutch features``."""
    tables = (ATTRIBUTES, RECURSIVE, FILESYSTEM_FLAGS, CLASSIC_FLAGS, CLASSIC_CLEAR, PROPAGATION)
    names = [name for table in tables for name in table]
    return sorted([*names, *BIND, *IDMAP, *WITHOUT_EFFECT, COPY_UP, "remount"])
