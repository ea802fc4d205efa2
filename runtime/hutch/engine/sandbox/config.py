"""config.json of a sandbox.

It starts from the config of all of warren's containers (hutch.defaults) and takes away more: the
program has no capability, cannot get one (no_new_privs), is not root, and has no network. The root
is an overlay that hutch-init mounts in the container's own mount namespace, so nothing is mounted
on the host, and nothing is left there.
"""

import json
import os
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING

from hutch.defaults.config import container_config
from hutch.defaults.seccomp import default_seccomp
from hutch.engine.sandbox.places import Places, bounds
from hutch.engine.sandbox.roots import NOBODY, Root
from hutch.engine.sandbox.settings import Settings
from hutch.errors import HostError, UsageError
from hutch.plan.namespaces import host_id
from hutch.spec.check import check

if TYPE_CHECKING:
    from hutch.spec.config import CheckedConfig, Config, Mount, Resources, Seccomp

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PERIOD = 100_000  # microseconds, as Docker's
CGROUP_PARENT = "/hutch-sandbox"
PAGE = 4096  # bytes of options that mount(2) takes
MANY = 3000  # bytes of paths of layers; beyond it they get shorter names
OF_THE_HOST = ("/etc/resolv.conf", "/etc/hosts")


@cache
def _base() -> "Config":
    """The config without what the settings say, and without the seccomp profile."""
    config = container_config()
    process, linux = config["process"], config["linux"]
    process["terminal"] = False
    process["capabilities"] = {}
    process["noNewPrivileges"] = True
    linux.pop("seccomp", None)
    kinds = {space["type"] for space in linux["namespaces"]}
    if "network" not in kinds:  # an ordinary user's
        linux["namespaces"].append({"type": "network"})
        _mount_sys(config, bound=False)
    config["hostname"] = "sandbox"
    config["mounts"] = [
        mount for mount in config["mounts"] if mount.get("type") not in ("cgroup", "mqueue")
    ]
    return config


@cache
def _filter() -> "Seccomp":
    """The default seccomp profile for a program without capabilities, checked."""
    base = _base()
    config: Config = {**base, "linux": {**base["linux"], "seccomp": default_seccomp([])}}
    return check(config)[0]["linux"]["seccomp"]


def checked_config(
    id: str, settings: Settings, root: Root, places: Places, args: list[str]
) -> "tuple[CheckedConfig, bytes]":
    """The config of a sandbox that runs ``args`` ([]: it stays for others), and its bytes as JSON.
    Raises UsageError, HostError, ImageError, ConfigError.

    The seccomp profile is most of a config, and always the same: it is checked only once.
    """
    config = make_config(id, settings, root, places, args)
    checked = check(config)[0]
    checked["linux"]["seccomp"] = _filter()
    return checked, json.dumps(checked, separators=(",", ":")).encode()


def make_config(
    id: str, settings: Settings, root: Root, places: Places, args: list[str]
) -> "Config":
    """The settings and the image as a config, without the seccomp profile. Raises UsageError,
    HostError, ImageError."""
    config = deepcopy(_base())
    process, linux = config["process"], config["linux"]
    rootless = os.geteuid() != 0
    # Root of a user namespace, too, may have no right to make cgroups.
    mapped = linux.get("uidMappings")
    process["args"] = args or ["hutch-init"]
    nobody = NOBODY if not mapped or host_id(mapped, NOBODY) is not None else 0
    uid, gid, more, home = _user(settings, root, rootless, nobody)
    process["user"] = {"uid": uid, "gid": gid, "additionalGids": more}
    variables = {"PATH": PATH, "HOME": home, "HOSTNAME": config["hostname"]}
    for line in root.execution.get("Env", []):
        name, _, value = line.partition("=")
        variables[name] = value
    variables.update(settings.env)
    process["env"] = [f"{name}={value}" for name, value in variables.items()]
    process["cwd"] = settings.workdir or root.execution.get("WorkingDir") or "/"
    if settings.network:
        linux["namespaces"] = [one for one in linux["namespaces"] if one["type"] != "network"]
        _mount_sys(config, bound=rootless)
    config["mounts"] = [*_root_mounts(config, settings, root, places), *config["mounts"]]
    config["mounts"] += _mounts(settings)
    resources = linux.setdefault("resources", {})
    # hutch-init stays beside the program; `exec` is one more process for a moment.
    _limit(resources, settings, by_default=not mapped, more_pids=1 if args else 2)
    if not resources:
        del linux["resources"]
    if settings.cgroup_parent or not mapped:
        linux["cgroupsPath"] = (settings.cgroup_parent or CGROUP_PARENT) + "/" + id
    return config


def _user(
    settings: Settings, root: Root, rootless: bool, nobody: int
) -> tuple[int, int, list[int], str]:
    """The user of the program. An ordinary user's sandbox has only the caller himself, who is
    called root in there, without capabilities."""
    if rootless:
        if settings.user not in (None, "0", "root", "0:0"):
            raise HostError(
                "user: an ordinary user's sandbox has only himself, as the user 0",
                hint="leave user out, or call as root",
            )
        return 0, 0, [], "/tmp"  # noqa: S108 - in the container
    given = settings.user if settings.user is not None else root.execution.get("User") or ""
    if not given or (settings.user is None and root.user(given)[0] == 0):
        return nobody, nobody, [], "/tmp"  # noqa: S108 - in the container
    return root.user(given)


def _root_mounts(config: "Config", settings: Settings, root: Root, places: Places) -> "list[Mount]":
    """The overlay, and the tmpfs below it that has the scratch layer. Each is mounted over "/"."""
    layers = [*places.frozen, *root.layers]
    config["root"] = {"path": str(places.empty), "readonly": settings.scratch == 0}
    if sum(map(len, layers)) + len(layers) > MANY:
        layers = places.short_names(layers)
    words = ["lowerdir=" + ":".join(map(_escaped, layers))]
    mounts: list[Mount] = []
    if settings.scratch == 0:
        if len(layers) == 1:  # overlayfs without an upper directory takes two at least
            config["root"]["path"] = layers[0]
            return []
    else:
        upper = places.scratch
        if upper is None:
            upper = config["root"]["path"] = str(places.template)
            mounts = [
                {
                    "destination": "/", "type": "tmpfs", "source": "scratch",
                    "options": [*bounds(settings.scratch), "mode=700", "tmpcopyup"],
                }
            ]  # fmt: skip
        words += [f"upperdir={_escaped(upper)}/upper", f"workdir={_escaped(upper)}/work"]
    if any(space["type"] == "user" for space in config["linux"]["namespaces"]):
        words.append("userxattr")
    if len(",".join(words)) >= PAGE:
        raise HostError(f"{len(layers)} layers are more than one mount can take")
    overlay: Mount = {
        "destination": "/", "type": "overlay", "source": "overlay", "options": words,
    }  # fmt: skip
    return [*mounts, overlay]


def _escaped(path: str) -> str:
    r"""A path in the options of overlayfs: ":", "," and "\" stand for themselves only after "\"
    (overlayfs.rst). Raises UsageError for a comma, which the mount options cannot have."""
    if "," in path:
        raise UsageError(f"a directory with a comma in its path cannot be a layer: {path}")
    return path.replace("\\", "\\\\").replace(":", "\\:")


def _mounts(settings: Settings) -> "list[Mount]":
    found: list[Mount] = []
    both = [(settings.mounts, ["ro"]), (settings.writable_mounts, [])]
    if settings.network:
        host = {path: path for path in OF_THE_HOST if os.path.isfile(path)}
        both.insert(0, (host, ["ro"]))
    for mounts, words in both:
        for target, source in mounts.items():
            options = ["rbind", "rprivate", "nosuid", "nodev", *(f"r{word}" for word in words)]
            path = os.path.abspath(source)
            found.append(
                {"destination": target, "type": "bind", "source": path, "options": options}
            )
    return found


def _mount_sys(config: "Config", *, bound: bool) -> None:
    """sysfs shows the devices of a network namespace, so only the owner of that namespace may mount
    one: an ordinary user on the host's network gets the host's /sys."""
    options = ["nosuid", "noexec", "nodev", "ro"]
    for mount in config["mounts"]:
        if mount["destination"] == "/sys":
            mount["type"] = "none" if bound else "sysfs"
            mount["source"] = "/sys" if bound else "sysfs"
            mount["options"] = ["rbind", *options] if bound else options


def _limit(resources: "Resources", settings: Settings, *, by_default: bool, more_pids: int) -> None:
    if settings.memory is not None:
        # No swap beside it: a sandbox that needs more is ended, not slowed down.
        resources["memory"] = {"limit": settings.memory, "swap": settings.memory}
    if settings.cpus is not None:
        resources["cpu"] = {"period": PERIOD, "quota": round(settings.cpus * PERIOD)}
    resources.pop("pids", None)
    if settings.pids is not None and (settings.pids_asked or by_default):
        resources["pids"] = {"limit": settings.pids + more_pids}
