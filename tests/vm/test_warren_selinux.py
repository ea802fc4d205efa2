"""warren's containers where SELinux enforces, and the policy has types for containers."""

import os
from pathlib import Path

import pytest

from tests.support.engines import Engine

pytestmark = [pytest.mark.root, pytest.mark.vm, pytest.mark.selinux]

FILES = "system_u:object_r:container_file_t:"


def context_of(path: Path) -> str:
    return os.getxattr(path, "security.selinux").decode().rstrip("\0")


def labels(engine: Engine, name: str) -> tuple[str, str]:
    found = engine.inspect(name)
    return str(found["ProcessLabel"]), str(found["MountLabel"])


def current(engine: Engine, name: str) -> str:
    pid = engine.pid(engine.ok("inspect", "--format", "{{.Id}}", name).strip())
    return Path(f"/proc/{pid}/attr/current").read_text().rstrip("\0")


def test_each_container_has_a_level_of_its_own(engine: Engine, tmp_path: Path) -> None:
    """It may use its files, its volumes, and what is labelled for it, but nothing else."""
    private, shared, closed = (tmp_path / name for name in ("private", "shared", "closed"))
    for folder in (private, shared, closed):
        folder.mkdir()
        (folder / "file").write_text(folder.name + "\n")
    lone = tmp_path / "lone"
    lone.write_text("lone\n")
    flags = ["-v", f"{private}:/private:Z", "-v", f"{shared}:/shared:z", "-v", f"{closed}:/closed",
             "-v", f"{lone}:/lone:z", "-v", "volume:/volume", "--ipc", "shareable"]  # fmt: skip
    engine.start("--name", "one", *flags, engine.image, "sleep", "1000")
    label, files = labels(engine, "one")
    assert label.startswith("system_u:system_r:container_t:s0:c")
    level = label.partition("container_t:")[2]
    assert files == FILES + level
    assert current(engine, "one") == label
    assert context_of(private) == context_of(private / "file") == FILES + level
    assert context_of(shared / "file") == context_of(lone) == FILES + "s0"
    script = """
        for file in private/file shared/file closed/file lone etc/hosts; do
            head -n 1 /$file
        done
        for folder in . private shared volume dev/shm tmp; do
            echo x >/$folder/new && echo $folder
        done
        cat /proc/self/attr/current
    """
    seen = engine.run("exec", "one", "sh", "-c", script)
    assert "/closed/file: Permission denied" in seen.stderr
    assert seen.stdout.rstrip("\0").split() == [
        "private", "shared", "lone", "127.0.0.1", "localhost",
        ".", "private", "shared", "volume", "dev/shm", "tmp", label,
    ]  # fmt: skip
    # Another container may use what is shared, and not what is the first one's own.
    script = "cat /shared/file /private/file; echo x >/volume/other && echo volume"
    flags = ["-v", f"{private}:/private", "-v", f"{shared}:/shared", "-v", "volume:/volume"]
    other = engine.run("run", "--rm", *engine.create(*flags, engine.image, "sh", "-c", script))
    assert other.stdout == "shared\nvolume\n"
    assert "can't open '/private/file': Permission denied" in other.stderr
    # Who shares its memory has its label.
    engine.start("--name", "two", "--ipc", "container:one", engine.image, "sleep", "1000")
    assert current(engine, "two") == label
    assert engine.ok("exec", "two", "cat", "/dev/shm/new") == "x\n"


def test_labels_that_are_asked_for(engine: Engine) -> None:
    script = "cat /proc/self/attr/current"

    def label(*words: str) -> str:
        flags = [word for text in words for word in ("--security-opt", f"label={text}")]
        return engine.sh(script, *flags).rstrip("\0\n")

    own = Path("/proc/self/attr/current").read_text().rstrip("\0\n")
    assert label("disable") == own
    assert engine.sh(script, "--privileged").rstrip("\0\n") == own
    assert label("level:s0:c3,c4") == "system_u:system_r:container_t:s0:c3,c4"
    assert label("user:unconfined_u", "role:unconfined_r").startswith(
        "unconfined_u:unconfined_r:container_t:s0:c"
    )
    unknown = engine.fails(
        "run", *engine.create("--security-opt", "label=type:nowhere_t", engine.image, "true"),
        status=125,
    )  # fmt: skip
    assert "process.selinuxLabel" in unknown
    assert "policy" in unknown
    refused = engine.fails("run", *engine.create("-v", "/etc:/x:z", engine.image), status=125)
    assert "SELinux relabeling of /etc is not allowed" in refused
    assert context_of(Path("/etc/hosts")) == "system_u:object_r:net_conf_t:s0"
