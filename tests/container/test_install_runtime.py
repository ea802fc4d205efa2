"""hutch install-runtime with real engines, each in mount and network namespaces of its own."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.containers import COMMAND, Runtime, eventually, reachable
from tests.support.disks import small_disk
from tests.support.leftovers import CGROUPS, below, descendants, removed
from tests.support.ordinary_user import as_user

pytestmark = pytest.mark.root

# An engine without CAP_SYS_RESOURCE cannot raise hard limits, which podman's own defaults would.
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs" # no systemd here
events_logger = "file"
lock_type = "file" # others are of the whole machine, and may be used up
tmp_dir = "W/tmp"
"""
STORAGE_CONF = '[storage]\ndriver = "vfs"\ngraphroot = "W/root"\nrunroot = "W/run"\n'
POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}'
DAEMON = """{
  "data-root": "W/d", "exec-root": "W/x", "pidfile": "W/pid", "hosts": ["unix://W/d.sock"],
  "iptables": false, "bridge": "none",
  "cgroup-parent": "/CGROUPS/install"
}
"""
CONFIG = """version = 2
root = "W/root"
state = "W/state"
disabled_plugins = ["io.containerd.internal.v1.opt"] # writes to /opt
[grpc]
  address = "W/c.sock"
"""


UID = 61234


def takes(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if not shutil.which(program)]
    return pytest.mark.skipif(bool(missing), reason="takes " + ", ".join(missing))


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("i")  # a short path, because sockets are below it


def filled(text: str, place: Path) -> str:
    return text.replace("W", str(place)).replace("CGROUPS", CGROUPS)


def with_containers(place: Path, *words: str) -> str:
    """The output of a command that sees its own /etc/containers."""
    script = 'mount --bind "$0" /etc/containers && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, place / "etc", *words], cwd=place,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@takes("podman", "buildah")
def test_podman_and_buildah_run_containers_with_it(place: Path) -> None:
    own = place / "etc"
    own.mkdir()
    (own / "containers.conf").write_text(filled(CONTAINERS_CONF, place))
    (own / "storage.conf").write_text(filled(STORAGE_CONF, place))
    (own / "policy.json").write_text(POLICY)
    before = sorted(own.iterdir())
    for name in ("podman", "buildah"):
        said = with_containers(place, COMMAND, "install-runtime", name, "--write", "--check")
        assert "a container has run: " in said, name
    names = ["podman", "info", "--format", "{{.Host.OCIRuntime.Name}}"]
    assert with_containers(place, *names) != "hutch\n"
    with_containers(place, COMMAND, "install-runtime", "podman", "--write", "--default")
    assert with_containers(place, *names) == "hutch\n"
    with_containers(place, COMMAND, "install-runtime", "buildah", "--write", "--remove")
    (own / "containers.conf.d").rmdir()
    assert sorted({*own.iterdir()} - {own / "networks"}) == before  # podman makes it
    eventually(lambda: not descendants("conmon") and not descendants("podman"))
    forget_cgroups("libpod_parent/conmon", "libpod_parent")


def forget_cgroups(*names: str) -> None:
    """Removes the parents that an engine leaves, unless another one uses them."""
    for name in names:
        removed(list(Path("/sys/fs/cgroup").glob(f"*/{name}")))
        removed([Path("/sys/fs/cgroup") / name])


@contextmanager
def running(*words: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon in mount and network namespaces of its own."""
    with open("log", "wb") as log:
        daemon = subprocess.Popen(["unshare", "--mount", "--net", *words], stderr=log, stdout=log)
    try:
        yield daemon
    finally:
        daemon.terminate()
        daemon.wait(60)


def answers(*words: str) -> bool:
    done = subprocess.run(words, capture_output=True, check=False)
    return done.returncode == 0


@takes("containerd", "ctr")
def test_containerd_finds_it_and_runs_a_container(
    place: Path, hutch: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = place / "config.toml"
    config.write_text(filled(CONFIG, place))
    monkeypatch.chdir(place)
    monkeypatch.setenv("CONTAINERD_ADDRESS", f"{place}/c.sock")
    monkeypatch.setenv("CONTAINERD_NAMESPACE", "hutch-install")
    words = ["install-runtime", "containerd", "--config", str(config)]
    hutch(*words, "--write")
    with running("containerd", "--config", config):
        eventually(lambda: answers("ctr", "version"))
        # Loading its CRI plugin takes longer than the rest.
        eventually(lambda: not hutch(*words, "--check", check=False).code)
        plugins = subprocess.check_output(["ctr", "plugins", "ls"], text=True)
        assert re.search(r"^io.containerd.grpc.v1 +cri .* ok *$", plugins, re.MULTILINE)
        config.write_text(config.read_text().replace("[", '["io.containerd.grpc.v1.cri", ', 1))
        assert "disabled_plugins" in hutch.refuses(*words, "--check")
        config.write_text(config.read_text().replace('"io.containerd.grpc.v1.cri", ', "", 1))
    hutch(*words, "--remove", "--write")
    assert config.read_text() == filled(CONFIG, place)
    forget_cgroups("hutch-install")


@takes("dockerd", "docker")
def test_docker_runs_a_container_with_it_once_it_has_read_its_file(
    place: Path, hutch: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = place / "daemon.json"
    config.write_text(filled(DAEMON, place))
    monkeypatch.chdir(place)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{place}/d.sock")
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    words = ["install-runtime", "docker", "--config", str(config)]
    with running("dockerd", "--config-file", config) as dockerd:
        eventually(lambda: answers("docker", "version"))
        assert "has no runtime hutch" in hutch.refuses(*words, "--check")
        assert "SIGHUP" in hutch(*words, "--write").out
        assert "has no runtime hutch yet" in hutch.refuses(*words, "--check")
        os.kill(dockerd.pid, 1)
        eventually(lambda: not hutch(*words, "--check", check=False).code)
        hutch(*words, "--write", "--default")
        os.kill(dockerd.pid, 1)
        show = ["docker", "info", "--format", "{{.DefaultRuntime}}"]
        eventually(lambda: subprocess.check_output(show, text=True) == "hutch\n")
        # On SIGHUP dockerd forgets nothing.
        assert "systemctl restart docker" in hutch(*words, "--remove", "--write").out
    assert config.read_text() == filled(DAEMON, place)
    eventually(lambda: removed([path for path in below(CGROUPS) if "install" in path.parts]))


@pytest.mark.parametrize("text", [None, '{"debug": true}', "{\n}\n"])
def test_what_is_printed_is_a_patch_that_does_what_write_does(
    text: str | None, place: Path, hutch: Runtime
) -> None:
    path = place / "daemon.json"
    if text is not None:
        path.write_text(text)
    words = ["install-runtime", "docker", "--config", str(path), "--default"]
    patch = hutch(*words).out
    assert path.exists() == (text is not None)
    subprocess.run(["git", "apply", "-p1", "-"], input=patch, text=True, cwd="/", check=True)
    patched = path.read_bytes()
    path.unlink()
    if text is not None:
        path.write_text(text)
    hutch(*words, "--write")
    assert path.read_bytes() == patched
    assert hutch(*words).out == ""
    assert "has the runtime hutch already" in hutch(*words, "--write").out


def test_a_link_and_the_mode_stay(place: Path, hutch: Runtime) -> None:
    real, link = place / "real.json", place / "daemon.json"
    real.write_text("{}")
    real.chmod(0o640)
    os.chown(real, 7, 8)
    link.symlink_to("real.json")
    hutch("install-runtime", "docker", "--config", str(link), "--write")
    assert link.is_symlink() and '"path"' in real.read_text()
    state = real.stat()
    assert (state.st_mode & 0o7777, state.st_uid, state.st_gid) == (0o640, 7, 8)
    hutch("install-runtime", "docker", "--config", str(link), "--write", "--remove")
    assert link.is_symlink() and real.read_text() == "{}"


def test_nothing_changes_if_the_disk_is_full(place: Path, hutch: Runtime) -> None:
    with small_disk(place / "disk", "size=12k") as disk:
        path = disk / "daemon.json"
        path.write_text('{"debug": true}\n')
        (disk / "other").write_bytes(b"x" * 4096)
        words = ["install-runtime", "docker", "--config", str(path), "--write"]
        assert hutch.refuses(*words).endswith("write: no space left on device")
        assert path.read_text() == '{"debug": true}\n'
        assert sorted(one.name for one in disk.iterdir()) == ["daemon.json", "other"]
        (disk / "other").unlink()
        hutch(*words)
        assert hutch(*words, "--remove").out.startswith(f"{path}: the runtime hutch is removed")


def test_the_program_is_this_one_or_the_named_one(place: Path, hutch: Runtime) -> None:
    out = hutch("install-runtime", "crio", "--config", str(place / "x.conf")).out
    assert f'+runtime_path = "{COMMAND}"\n' in out
    # Under another name, found in PATH.
    (place / "rabbits").symlink_to(COMMAND)
    found = {**os.environ, "PATH": f"{place}:{os.environ['PATH']}"}
    other = Runtime("rabbits", place)
    out = other("install-runtime", "crio", "--name", "r", env=found).out
    assert f'+[crio.runtime.runtimes.r]\n+runtime_path = "{place}/rabbits"\n' in out
    out = hutch("install-runtime", "crio", "--program", sys.executable).out
    assert f'+runtime_path = "{sys.executable}"\n' in out


def test_a_program_that_others_can_change_gets_a_warning(place: Path, hutch: Runtime) -> None:
    program = place / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    words = ["install-runtime", "crio", "--program", str(program)]
    assert hutch(*words).err == ""
    program.chmod(0o775)
    assert f"others than root can change {program}" in hutch(*words).err
    program.chmod(0o755)
    place.chmod(0o777)
    assert f"others than root can change {place}," in hutch(*words).err
    place.chmod(0o1777)
    assert hutch(*words).err == ""
    os.chown(program, 7, 7)
    assert f"others than root can change {program}" in hutch(*words).err


def test_kubernetes_has_no_file_but_one_that_is_named(place: Path, hutch: Runtime) -> None:
    text = hutch("install-runtime", "kubernetes").out
    assert "kind: RuntimeClass" in text and "handler: hutch\n" in text
    assert "kubectl apply -f -" in hutch.refuses("install-runtime", "kubernetes", "--write")
    path = place / "class.yaml"
    words = ["install-runtime", "kubernetes", "--config", str(path), "--write"]
    hutch(*words)
    assert path.read_text() == text
    assert "is not the RuntimeClass other" in hutch.refuses(*words, "--name", "other")
    hutch(*words, "--remove")
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dockerd"], "no engine 'dockerd'"),
        (["docker", "--name", "A"], "--name takes"),
        (["docker", "--remove", "--default"], "--remove takes only"),
        (["docker", "--program", "/proc/nonexistent"], "/nonexistent is not a program"),
        (["docker", "--program", "/etc/passwd"], "/etc/passwd is not a program"),
        (["docker", "--config", "/etc"], "read /etc: "),
        (["docker", "--config", "/proc/nonexistent", "--write"], "change /proc/nonexistent: "),
        (
            ["docker", "--config", "/proc/nonexistent", "--check"],
            "/nonexistent has no runtime hutch",
        ),
        (["kubernetes", "--default"], "kubernetes takes only"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(words: list[str], said: str, hutch: Runtime) -> None:
    assert said in hutch.refuses("install-runtime", *words)


def test_crio_cannot_be_checked(place: Path, hutch: Runtime) -> None:
    words = ["install-runtime", "crio", "--config", str(place / "50-hutch.conf")]
    # On SIGHUP it does not take a runtime that it does not know yet.
    assert "systemctl restart crio" in hutch(*words, "--write").out
    assert "--check is not possible for crio" in hutch.refuses(*words, "--write", "--check")
    hutch(*words, "--write", "--remove")
    assert list(place.iterdir()) == []


def test_an_ordinary_user_has_files_of_its_own(place: Path, hutch: Runtime) -> None:
    reachable(place)
    home = place / "home"
    home.mkdir()
    os.chown(home, UID, UID)
    (place / "etc").mkdir()
    words = ["env", f"XDG_CONFIG_HOME={home}", COMMAND, "install-runtime"]

    def user(*more: str) -> "subprocess.CompletedProcess[str]":
        command = as_user([*words, *more], UID, UID, place / "etc")
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = user("docker", "--write")
    assert done.returncode == 0, done.stderr
    assert (home / "docker" / "daemon.json").exists()
    assert user("podman", "--write").returncode == 0
    assert (home / "containers" / "containers.conf.d" / "50-hutch.conf").exists()
    assert "containerd needs root" in user("containerd").stderr
    done = user("docker", "--write", "--config", "/etc/hutch-install.json")
    assert "permission denied" in done.stderr and done.stderr.count("\n") == 1
