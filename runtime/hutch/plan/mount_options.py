"""The mount options of runtime-spec (config.md, "Linux mount options") and what each one does.

The table serves the compiler and ``hutch features`` alike. Kernel constants are those of
<linux/mount.h>.
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

# Attributes of a mount: (what mount_setattr sets, what it clears). relatime is the field's zero.
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

# Flags that only mount(2) can carry, and the options that take them back.
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

# A tmpfs begins with what the image has in the directory that it covers.
COPY_UP = "tmpcopyup"

# The mount has an id mapping of its own, or everything below it too.
IDMAP = ("idmap", "ridmap")

# Words that stand for nothing, or for what the mount's kind says already.
WITHOUT_EFFECT = ("defaults",)


# Options by which SELinux labels a file system (mount(8)).
CONTEXTS = ("context", "defcontext", "fscontext", "rootcontext")


class Options:
    """What the options of one mount come to.

    ``set``/``clear`` are attributes of the mount, ``deep_set``/``deep_clear`` those of everything
    below too; ``flags`` is for mount(2) alone; ``copy_up`` is tmpcopyup; ``data`` are the
    file system's own options, and ``places`` the index of each in the config's list.
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
    """The meaning of a mount's options, the last of contradicting ones winning as in mount(8).

    Whatever is in no table is handed to the file system as it is (config.md: "SHOULD").
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
    """``context="a:b:c:s0:c1,c2"``, as SELinux's labels are written for mount(8), which splits at
    commas, without the quotes, which fsconfig(2) would take for a part of the label."""
    name, _, label = word.partition("=")
    if name in CONTEXTS and len(label) > 1 and label[0] == label[-1] == '"':
        return name + "=" + label[1:-1]
    return word


def _keep_last(options: Options, place: int, word: str, rivals: "tuple[str, ...]") -> None:
    """A file system is told ro or rw as well, and only the last of them."""
    for index, present in enumerate(options.data):
        if present in rivals:
            del options.data[index], options.places[index]
            break
    if word == "ro":
        options.data.append(word)
        options.places.append(place)


def known_options() -> "list[str]":
    """Every option that has a meaning here, sorted: for ``hutch features``."""
    tables = (ATTRIBUTES, RECURSIVE, FILESYSTEM_FLAGS, CLASSIC_FLAGS, CLASSIC_CLEAR, PROPAGATION)
    names = [name for table in tables for name in table]
    return sorted([*names, *BIND, *IDMAP, *WITHOUT_EFFECT, COPY_UP, "remount"])
