"""The tools that ``./dev bench pull`` compares: warren, podman, skopeo with umoci, docker, and any
containerd by the path of its folder."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

CONTAINERD = """version = 3
root = "{store}/root"
state = "{store}/state"
disabled_plugins = [
  "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri",
  "io.containerd.internal.v1.opt",
]
[grpc]
  address = "{store}/c.sock"
[ttrpc]
  address = "{store}/t.sock"
"""
UNPACKS = "max_concurrent_unpacks"  # of the transfer service, since containerd 2.2
FOUR = "-unpacks-4"  # a part of a tool's name


@dataclass
class Tool:
    """A tool. ``commands`` pull an image into a new, empty folder.

    The stores are not emptied between the rounds: ext4 does not use inodes again that were deleted
    in the last minutes, and the search for others would take most of the measured time.
    """

    name: str
    commands: Callable[[str, Path], list[list[str]]]
    kinds: tuple[str, ...] = ("gzip", "zstd")
    environment: dict[str, str] = field(default_factory=dict)
    around: Callable[[Path], contextlib.AbstractContextManager[int]] = field(
        default=lambda _: contextlib.nullcontext(0)
    )  # what must run meanwhile: the process id of a daemon


def warren() -> Tool:
    command = [sys.executable, "-m", "hutch.cli.warren"]
    launcher = Path(sys.executable).with_name("warren")
    if launcher.exists() and "PYTHONPATH" not in os.environ:
        command = [str(launcher)]
    return Tool(
        "warren pull", lambda image, store: [[*command, "--root", str(store), "pull", "-q", image]]
    )


def podman(folder: Path) -> Tool:
    configuration = folder / "containers.conf"
    configuration.write_text(
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nlock_type = "file"\n'
    )

    def commands(image: str, store: Path) -> list[list[str]]:
        base = [
            "podman",
            "--root",
            f"{store}/r",
            "--runroot",
            f"{store}/n",
            "--tmpdir",
            f"{store}/t",
        ]
        return [[*base, "pull", "-q", "--tls-verify=false", image]]

    @contextlib.contextmanager
    def around(store: Path) -> Iterator[int]:
        yield 0
        subprocess.run(["umount", f"{store}/r/overlay"], capture_output=True)

    environment = {"CONTAINERS_CONF": str(configuration)}
    return Tool("podman pull", commands, environment=environment, around=around)


def skopeo_umoci() -> Tool:
    def commands(image: str, store: Path) -> list[list[str]]:
        layout = f"{store}/layout:x"
        source = ["--src-tls-verify=false", f"docker://{image}", f"oci:{layout}"]
        return [
            ["skopeo", "copy", "-q", *source],
            ["umoci", "unpack", "--image", layout, f"{store}/bundle"],
        ]

    return Tool("skopeo copy + umoci unpack", commands, ("gzip",))


def docker(folder: Path) -> Tool | None:
    """dockerd with a new store for each round and without networks; None if it is not installed."""
    if not Path("/usr/bin/docker").exists() or shutil.which("dockerd") is None:
        return None
    (folder / "empty.json").write_text("{}")
    log = (folder / "dockerd.log").open("wb")

    def client(store: Path) -> list[str]:
        return ["/usr/bin/docker", "-H", f"unix://{store}/s"]

    @contextlib.contextmanager
    def around(store: Path) -> Iterator[int]:
        daemon = subprocess.Popen(
            ["dockerd", "--config-file", f"{folder}/empty.json", "--data-root", f"{store}/d",
             "--exec-root", f"{store}/x", "--pidfile", f"{store}/p", "-H", f"unix://{store}/s",
             "--bridge=none", "--iptables=false", "--ip6tables=false"],
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            for _ in range(100):
                if subprocess.run([*client(store), "version"], capture_output=True).returncode == 0:
                    break
                time.sleep(0.2)
            yield daemon.pid
        finally:
            daemon.terminate()
            daemon.wait()

    return Tool(
        "docker pull",
        lambda image, store: [[*client(store), "pull", "-q", image]],
        ("gzip",),
        around=around,
    )


def containerd(folder: Path) -> list[Tool]:
    """The ``containerd`` and ``ctr`` in ``folder``, as they are configured by default, and where
    its configuration has the word, with four unpacks at once. Each pull has a containerd of its
    own, with a new store; the time begins when it answers."""
    program, client = str(folder / "containerd"), str(folder / "ctr")
    words = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    version = words.stdout.split()[2].partition("+")[0].removeprefix("v")
    default = subprocess.run(
        [program, "config", "default"], capture_output=True, text=True, check=True
    )
    four = f"[plugins.'io.containerd.transfer.v1.local']\n  {UNPACKS} = 4\n"
    settings = {"": ""} | ({FOUR: four} if UNPACKS in default.stdout else {})

    def call(store: Path, *words: str) -> list[str]:
        return [client, "-a", f"{store}/c.sock", *words]

    def tool(name: str, more: str) -> Tool:
        @contextlib.contextmanager
        def around(store: Path) -> Iterator[int]:
            configuration = store / "config.toml"
            configuration.write_text(CONTAINERD.format(store=store) + more)
            with (store / "log").open("wb") as log:
                daemon = subprocess.Popen(
                    [program, "--config", str(configuration)], stdout=log, stderr=log
                )
            try:
                while subprocess.run(call(store, "version"), capture_output=True).returncode:
                    if daemon.poll() is not None:
                        raise SystemExit((store / "log").read_text()[-2000:])
                    time.sleep(0.1)
                yield daemon.pid
            finally:
                daemon.terminate()
                daemon.wait()

        return Tool(
            name,
            lambda image, store: [call(store, "images", "pull", "--plain-http", image)],
            around=around,
        )

    return [tool(f"containerd-{version}{what} pull", more) for what, more in settings.items()]
