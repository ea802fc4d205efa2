"""What each engine must have in its configuration to know a runtime.

Docker       dockerd(8), daemon.json: "runtimes", "default-runtime"
containerd   the CRI plugin's part of config.toml, versions 2 (containerd 1.x) and 3 (2.x)
podman       containers.conf(5): [engine.runtimes]; buildah reads the same file
CRI-O        crio.conf(5): [crio.runtime.runtimes]
Kubernetes   a RuntimeClass (node.k8s.io/v1), whose handler is the runtime's name in
             containerd or CRI-O
"""

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hutch.cli.cold.install.json_text import Json
from hutch.cli.cold.install.toml_text import Data, Place, Setting, Toml, looked_up
from hutch.errors import ConfigError

CRI_PLUGINS = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.runtime"}
SHIM = "io.containerd.runc.v2"
# The runtimes that podman gives --log-format json to if containers.conf does not say which
# (containers.conf(5), runtime_supports_json).
SPEAK_JSON = ("crun", "runc", "kata", "runsc", "youki", "krun")


class Wanted(NamedTuple):
    """The runtime as it is to be known: its name, the absolute path of its program, and whether
    the engine uses it for containers that ask for none."""

    name: str
    program: str
    default: bool


@dataclass(frozen=True)
class Engine:
    """``path`` is the configuration file, ``own_path`` that of a user without root, below
    $XDG_CONFIG_HOME ("" if there is none). ``settings`` is what the file must have, given what it
    has. All settings of the runtime are below ``table``; ``program_key`` is the one of its program,
    and ``default`` the one with the name of the default runtime. ``reload`` says how the engine
    reads the file again, and ``forget`` how it does so when the runtime is removed."""

    title: str
    path: str
    own_path: str
    language: type[Json | Toml]
    settings: Callable[[Data, Wanted], list[Setting]]
    table: Callable[[Data], Place]
    program_key: Place
    default: Callable[[Data], Place]
    reload: str
    forget: str

    def found(self, data: Data, name: str) -> Wanted | None:
        """The runtime of this name in the configuration."""
        program = looked_up(data, (*self.table(data), name, *self.program_key))
        if isinstance(program, list):
            program = program[0] if program else None
        if not isinstance(program, str):
            return None
        return Wanted(name, program, looked_up(data, self.default(data)) == name)


def _of_docker(data: Data, wanted: Wanted) -> list[Setting]:
    found: list[Setting] = [(("runtimes", wanted.name, "path"), wanted.program)]
    return found + ([(("default-runtime",), wanted.name)] if wanted.default else [])


def _cri(data: Data) -> Place:
    """Where the CRI plugin's runtimes are. Raises ConfigError for other versions."""
    version = data.get("version", 2 if not data else 1)
    plugin = CRI_PLUGINS.get(version) if isinstance(version, int) else None
    if plugin is None:
        raise ConfigError(
            "version",
            "only versions 2 and 3 of the configuration have runtimes for CRI",
            value=version,
            hint="containerd config migrate prints a new one",
        )
    return "plugins", plugin, "containerd"


def _of_containerd(data: Data, wanted: Wanted) -> list[Setting]:
    table = (*_cri(data), "runtimes", wanted.name)
    found: list[Setting] = [] if data else [(("version",), 2)]
    if wanted.default:
        found.append(((*_cri(data), "default_runtime_name"), wanted.name))
    runtimes = looked_up(data, (*_cri(data), "runtimes"))
    if runtimes is None:
        # containerd has runc by itself, but only as long as the file names no runtime.
        found.append(((*_cri(data), "runtimes", "runc", "runtime_type"), SHIM))
    found += [
        ((*table, "runtime_type"), SHIM),
        ((*table, "options", "BinaryName"), wanted.program),
    ]
    # The kubelet and all runtimes must use the same driver for cgroups.
    others = runtimes.values() if isinstance(runtimes, dict) else ()
    if any(looked_up(other, ("options", "SystemdCgroup")) is True for other in others):
        found.append(((*table, "options", "SystemdCgroup"), True))
    return found


def _of_podman(data: Data, wanted: Wanted) -> list[Setting]:
    speak = looked_up(data, ("engine", "runtime_supports_json"))
    if not isinstance(speak, list):
        speak = _speak_json()
    if wanted.name not in speak:
        speak = [*speak, wanted.name]
    found: list[Setting] = [(("engine", "runtime"), wanted.name)] if wanted.default else []
    found.append((("engine", "runtime_supports_json"), speak))
    return [*found, (("engine", "runtimes", wanted.name), [wanted.program])]


def _speak_json() -> list[object]:
    """The list that applies without our file: the last one of the system's files."""
    found: list[object] = list(SPEAK_JSON)
    files = [Path("/usr/share/containers/containers.conf"), Path("/etc/containers/containers.conf")]
    for path in [*files, *sorted(Path("/etc/containers/containers.conf.d").glob("*.conf"))]:
        try:
            data = tomllib.loads(path.read_text())
        except (OSError, ValueError):
            continue
        speak = looked_up(data, ("engine", "runtime_supports_json"))
        found = speak if isinstance(speak, list) else found
    return found


def _of_crio(data: Data, wanted: Wanted) -> list[Setting]:
    table = ("crio", "runtime", "runtimes", wanted.name)
    default: Setting = (("crio", "runtime", "default_runtime"), wanted.name)
    return [
        *([default] if wanted.default else []),
        ((*table, "runtime_path"), wanted.program),
        ((*table, "runtime_type"), "oci"),
        ((*table, "runtime_root"), "/run/hutch"),
    ]


_PODMAN = Engine(
    "podman",
    "/etc/containers/containers.conf.d/50-hutch.conf",
    "containers/containers.conf.d/50-hutch.conf",
    Toml,
    _of_podman,
    lambda data: ("engine", "runtimes"),
    (),
    lambda data: ("engine", "runtime"),
    "",
    "",
)

ENGINES = {
    "docker": Engine(
        "Docker",
        "/etc/docker/daemon.json",
        "docker/daemon.json",
        Json,
        _of_docker,
        lambda data: ("runtimes",),
        ("path",),
        lambda data: ("default-runtime",),
        "systemctl reload docker, or send SIGHUP to dockerd",
        "systemctl restart docker",
    ),
    "containerd": Engine(
        "containerd",
        "/etc/containerd/config.toml",
        "",
        Toml,
        _of_containerd,
        lambda data: (*_cri(data), "runtimes"),
        ("options", "BinaryName"),
        lambda data: (*_cri(data), "default_runtime_name"),
        "systemctl restart containerd; running containers stay",
        "systemctl restart containerd; running containers stay",
    ),
    "podman": _PODMAN,
    "buildah": _PODMAN,
    "crio": Engine(
        "CRI-O",
        "/etc/crio/crio.conf.d/50-hutch.conf",
        "",
        Toml,
        _of_crio,
        lambda data: ("crio", "runtime", "runtimes"),
        ("runtime_path",),
        lambda data: ("crio", "runtime", "default_runtime"),
        # On SIGHUP it takes the default runtime, but no runtime that it does not know yet.
        "systemctl restart crio; running containers stay",
        "systemctl restart crio; running containers stay",
    ),
}


def default_path(engine: Engine) -> str:
    """The configuration file of an engine for this user; "" if it has none without root."""
    if os.geteuid() == 0:
        return engine.path
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(home, engine.own_path) if engine.own_path else ""


def runtime_class(name: str) -> str:
    """The RuntimeClass for the handler ``name``, as YAML."""
    return (
        "apiVersion: node.k8s.io/v1\n"
        "kind: RuntimeClass\n"
        f"metadata:\n  name: {name}\n"
        f"handler: {name}\n"
    )
