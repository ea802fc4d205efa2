"""A container's state as it is saved in ROOT/ID/state.json, in this and all older forms.

Files of older versions can be read, because containers go on running while hutch is upgraded. A
file of a newer version is an error, except for `delete --force`, which needs only a few fields.
"""

from hutch.errors import StateDamaged, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypedDict

    from hutch.container.doing import Doing
    from hutch.container.ending import Ending
    from hutch.container.intel_rdt import Placed
    from hutch.plan.cgroup_paths import Cgroup, KeptCgroup
    from hutch.plan.choices import KeptChoices
    from hutch.plan.hooks import Hook
    from hutch.spec.config import Hooks, Resources
    from hutch.spec.json import Json

    Choice = Literal[
        "direct",
        "listening",
        "new_keyring",
        "no_pivot",
        "notify",
        "preserved",
        "strict",
        "trace",
        "watched",
    ]

    class PublicState(TypedDict, total=False):
        """What `hutch state` and hooks show (runtime.md "State"), in runc's order of keys. Only
        `hutch state` shows ``end``, of a container that has stopped, and ``step``, of one that is
        being created."""

        ociVersion: str
        id: str
        pid: int
        status: str
        bundle: str
        rootfs: str
        created: str
        annotations: dict[str, str]
        owner: str
        end: Ending
        step: Doing


# The version of the form of state.json. 0 stands for the older forms, which have no version field.
VERSION = 1

# (attribute, key, type, default if the key is missing; ... if it must not be missing). For fields
# that were added later, the default is what older versions did. A missing "uid" is taken as root's.
FIELDS: "tuple[tuple[str, str, type, object], ...]" = (
    ("version", "version", int, 0),
    ("oci_version", "ociVersion", str, ...),
    ("id", "id", str, ...),
    ("pid", "pid", int, ...),
    ("start_time", "startTime", int, ...),
    ("status", "status", str, ...),
    ("bundle", "bundle", str, ...),
    ("rootfs", "rootfs", str, ...),
    ("created", "created", str, ...),
    ("maker", "maker", int, 0),
    ("maker_start_time", "makerStartTime", int, 0),
    ("uid", "uid", int, 0),
    ("annotations", "annotations", dict, None),
    ("kept_cgroup", "cgroup", dict, ...),
    ("host_mount", "hostMount", int, 0),
    ("choices", "choices", dict, None),
    ("notifies", "notifies", bool, False),
    ("hooks", "hooks", dict, None),
    ("idle", "idle", bool, False),
    ("shares_processes", "sharesProcesses", bool, False),
    ("rdt", "rdt", dict, None),
    ("resources", "resources", dict, None),
)  # fmt: skip
# A file in the container's directory: the number of the last signal of `hutch kill`.
NOTE = "/killed"
CGROUP_FIELDS: "tuple[tuple[str, type], ...]" = (
    ("mode", str),
    ("directories", dict),
    ("made", list),
)
KINDS: "dict[type, str]" = {
    str: " string",
    int: " number",
    dict: "n object",
    list: "n array",
    bool: " boolean",
}


class State:
    """The saved state of a container.

    ``pid`` and ``start_time`` (clock ticks since boot) are those of its first process, 0 before it
    exists; ``status`` is "creating" or "created", all else is read from the kernel (status.py);
    ``maker`` and ``maker_start_time`` are the pid and start time of the runtime that creates it,
    ``uid`` is the user of that runtime. ``kept_cgroup`` is the container's cgroup (None: it has
    none), ``rdt`` its groups of resctrl; ``host_mount`` is the id of the mount that held its rootfs
    before, if it has no mount namespace, else 0. ``choices`` are the flags of its create;
    ``notifies``: its seccomp filter has an agent; ``hooks``: its poststart and poststop hooks;
    ``idle``: it has no process to start; ``shares_processes``: other processes may outlive its
    first one; ``resources``: the limits after an update.
    """

    __slots__ = tuple([field[0] for field in FIELDS])

    if TYPE_CHECKING:
        version: int
        oci_version: str
        id: str
        pid: int
        start_time: int
        status: str
        bundle: str
        rootfs: str
        created: str
        maker: int
        maker_start_time: int
        uid: int
        annotations: dict[str, str] | None
        kept_cgroup: KeptCgroup | None
        host_mount: int
        choices: KeptChoices | None
        notifies: bool
        hooks: Hooks | None
        idle: bool
        shares_processes: bool
        rdt: Placed | None
        resources: Resources | None

    @classmethod
    def from_json(cls, value: "Json", id: str) -> "State":
        """The state of container ``id`` from the content of state.json. Raises StateDamaged if it
        has no valid form, StateError if a newer version wrote it."""
        if not isinstance(value, dict):
            raise damaged(id, "state.json is no object")
        if value.get("id") != id:
            raise damaged(id, "state.json is another container's")
        state = cls()
        for attribute, key, kind, missing in FIELDS:
            found = value.get(key, missing)
            # An object may be null: a container may have no cgroup, for example.
            fits = type(found) is kind or (found is None and kind is dict)
            if not fits and (key in value or missing is ...):
                raise damaged(id, key + " is not a" + KINDS[kind])
            setattr(state, attribute, found)
        if state.version > VERSION:
            raise StateError(
                f"the state of container {id} has form {state.version}, which a newer version of "
                f"hutch wrote: this one knows forms up to {VERSION}",
                id=id,
                hint="use that version, or remove the container with: hutch delete --force " + id,
            )
        if state.kept_cgroup is not None:
            for key, kind in CGROUP_FIELDS:
                if not isinstance(state.kept_cgroup.get(key), kind):
                    raise damaged(id, "cgroup." + key + " is not a" + KINDS[kind])
        return state

    def to_json(self) -> "dict[str, object]":
        """The content of state.json in the form of this version; fields that are None are left
        out."""
        self.version = VERSION
        found = {key: getattr(self, attribute) for attribute, key, _, _ in FIELDS}
        return {key: value for key, value in found.items() if value is not None or key == "cgroup"}

    def cgroup(self) -> "Cgroup | None":
        """The container's cgroup; None if it has none."""
        if self.kept_cgroup is None:
            return None
        from hutch.plan.cgroup_paths import Cgroup

        return Cgroup.from_json(self.kept_cgroup)

    def chose(self, choice: "Choice") -> bool:
        """Whether its create was given this flag."""
        return bool(self.choices and self.choices.get(choice))

    def hooks_after(self, kind: "Literal['poststart', 'poststop']") -> "list[Hook]":
        """Its hooks of this kind."""
        if not self.hooks or not self.hooks.get(kind):
            return []
        from hutch.plan.hooks import hooks_of

        return hooks_of(self.hooks, (kind,))

    def public(self, status: str, pid: "int | None" = None) -> "PublicState":
        """The state as `hutch state` prints it and hooks read it (runtime.md "State"), with this
        ``status``; ``pid`` is given if it is not saved yet. A stopped container has pid 0."""
        shown: PublicState = {
            "ociVersion": self.oci_version,
            "id": self.id,
            "pid": 0 if status == "stopped" else self.pid if pid is None else pid,
            "status": status,
            "bundle": self.bundle,
            "rootfs": self.rootfs,
            "created": self.created,
        }
        if self.annotations:
            shown["annotations"] = self.annotations
        shown["owner"] = ""
        return shown


def damaged(id: str, why: str) -> StateDamaged:
    return StateDamaged(
        "the state of container " + id + " is damaged: " + why,
        id=id,
        hint="remove it with: hutch delete --force " + id,
    )


def timestamp(nanoseconds: int) -> str:
    """The time since the epoch as RFC 3339 writes it, in UTC, with nine decimals."""
    from time import gmtime

    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    year, month, day, hour, minute, second = gmtime(seconds)[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:09}Z"
