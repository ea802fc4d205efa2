"""podman and buildah with hutch as their runtime: the container's output, and its end."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containers import COMMAND, eventually, make_rootfs
from tests.support.leftovers import CGROUPS, below, descendants, removed

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(
        not (shutil.which("podman") and shutil.which("buildah")), reason="takes podman and buildah"
    ),
]

# A host without CAP_SYS_RESOURCE cannot raise hard limits, which podman's own defaults would.
CONF = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file" # others are of the whole machine, and may be used up
runtime = "hutch"
runtime_supports_json = ["hutch"]
[engine.runtimes]
hutch = ["COMMAND"]
"""


class Engines:
    """podman and buildah with their own store, which has one image."""

    def __init__(self, path: Path) -> None:
        (path / "containers.conf").write_text(CONF.replace("COMMAND", COMMAND))
        self.environment = {
            **os.environ,
            "CONTAINERS_CONF": str(path / "containers.conf"),
            "TMPDIR": str(path),
        }
        self.environment.pop("DOCKER_CONFIG", None)
        self.store = ["--root", str(path / "root"), "--runroot", str(path / "run")]
        self.store += ["--storage-driver", "vfs"]
        self.path = path

    def make_image(self) -> None:
        rootfs = make_rootfs(self.path / "rootfs")
        self.working = self.buildah("from", "scratch").out.strip()
        self.buildah("copy", "-q", self.working, str(rootfs), "/")
        self.buildah("config", "--env", "PATH=/bin", "--cmd", "sh", self.working)
        self.buildah("commit", "-q", self.working, "hutch-test")

    def run(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            words, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or not check, done.stderr
        return done

    def buildah(self, *words: str) -> "Done":
        return Done(self.run("buildah", *self.store, *words))

    def podman(self, *words: str, check: bool = True) -> "Done":
        tmp = ["--tmpdir", str(self.path / "tmp"), "--runtime", "hutch"]
        return Done(self.run("podman", *self.store, *tmp, *words, check=check))

    def start(self, *words: str, check: bool = True) -> "Done":
        """podman run without a network, with cgroups below those of this session."""
        parent = f"/{CGROUPS}/engines"
        return self.podman(
            "run", "--network", "none", "--cgroup-parent", parent, *words, check=check
        )


class Done:
    """The output of a command, and its exit code."""

    def __init__(self, done: "subprocess.CompletedProcess[str]") -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    # A short path, because the sockets of conmon are below it.
    result = Engines(tmp_path_factory.mktemp("e"))
    try:
        result.make_image()
        yield result
    finally:
        result.podman("rm", "--all", "--force", "--time", "0", check=False)
        result.run("buildah", *result.store, "rm", "--all", check=False)
        # At its end conmon calls podman again, which makes its cgroup again.
        eventually(lambda: not descendants("conmon") and not descendants("podman"))
        # podman leaves its parents and conmon's.
        eventually(lambda: removed([path for path in below(CGROUPS) if "engines" in path.parts]))


def test_podman_prints_what_the_container_prints(engines: Engines) -> None:
    done = engines.start(
        "--rm", "--hostname", "inside", "hutch-test", "sh", "-c", "hostname; echo $$"
    )
    assert done.out == "inside\n1\n"


def test_podman_ends_with_the_containers_code_and_those_of_a_failed_start(engines: Engines) -> None:
    assert engines.start("--rm", "hutch-test", "sh", "-c", "exit 7", check=False).code == 7
    assert engines.start("--rm", "hutch-test", "nosuch", check=False).code == 127
    assert engines.start("--rm", "hutch-test", "/bin/nosuch", check=False).code == 127
    assert engines.start("--rm", "hutch-test", "/etc/passwd", check=False).code == 126


def test_podman_sets_limits_users_and_mounts(engines: Engines, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("bound\n")
    tmp_path.chmod(0o755)
    done = engines.start(
        "--rm", "--memory", "64m", "--pids-limit", "33", "--user", "1000:1001",
        "--read-only", "--read-only-tmpfs=false",
        "--volume", f"{tmp_path}:/data:ro", "--env", "A=b", "hutch-test", "sh", "-c",
        "id -u; id -g; cat /data/file; echo $A; grep Seccomp: /proc/self/status;"
        "touch /x 2>&1; true",
    )  # fmt: skip
    assert done.out.splitlines() == [
        "1000", "1001", "bound", "b", "Seccomp:\t2", "touch: /x: Read-only file system",
    ]  # fmt: skip


def test_podman_execs_pauses_stops_and_removes(engines: Engines) -> None:
    engines.start("--detach", "--name", "life", "hutch-test", "sleep", "1000")
    assert engines.podman("exec", "life", "echo", "from exec").out == "from exec\n"
    assert engines.podman("exec", "life", "sh", "-c", "exit 9", check=False).code == 9
    assert engines.podman("exec", "life", "nosuch", check=False).code == 127
    assert "sleep 1000" in engines.podman("top", "life", "args").out
    engines.podman("pause", "life")
    assert engines.podman("inspect", "-f", "{{.State.Status}}", "life").out == "paused\n"
    engines.podman("unpause", "life")
    engines.podman("stop", "--time", "0", "life")
    assert engines.podman("inspect", "-f", "{{.State.ExitCode}}", "life").out == "137\n"
    engines.podman("start", "life")
    engines.podman("rm", "--force", "--time", "0", "life")
    assert engines.podman("ps", "--all", "--quiet").out == ""


def test_podman_shows_logs_and_takes_standard_input(engines: Engines) -> None:
    engines.start("--name", "said", "hutch-test", "sh", "-c", "echo out; echo err >&2")
    assert sorted(engines.podman("logs", "said").out.split()) in (["out"], ["err", "out"])
    engines.podman("rm", "said")


def test_buildah_run_prints_what_the_container_prints(engines: Engines) -> None:
    words = ["--isolation", "oci", "--runtime", COMMAND, "--network", "none"]
    done = engines.buildah(
        "run", *words, engines.working, "--", "sh", "-c", "echo from buildah; id -u"
    )
    assert done.out == "from buildah\n0\n"
