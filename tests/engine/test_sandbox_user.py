"""hutch.run and hutch.Sandbox of an ordinary user."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hutch
import pytest

from tests.support.containers import make_rootfs
from tests.support.engines import make_image
from tests.support.ordinary_user import as_user

pytestmark = pytest.mark.root
USER = 64321
PROGRAM = """
import hutch, json, os, sys
home = os.environ["HOME"]
told = {}
def tell(name, result):
    told[name] = [result.exit_code, result.text, result.stderr.decode()]
    return result
rootfs = home + "/rootfs"
ids = "id -u; cat /proc/self/uid_map; grep CapEff /proc/self/status"
tell("ids", hutch.run(rootfs, ["sh", "-c", ids]))
tell("files", hutch.run(rootfs, ["sh", "-c", "cat /tmp/a; echo x > /etc/passwd && echo written"],
                        files={"/tmp/a": "text "}))
tell("net", hutch.run(rootfs, ["ls", "/sys/class/net"]))
tell("host net", hutch.run(rootfs, ["readlink", "/proc/self/ns/net"], network=True))
fill = ["dd", "if=/dev/zero", "of=/tmp/f", "bs=1M", "count=8"]
tell("full", hutch.run(rootfs, fill, scratch="4m"))
result = tell("late", hutch.run(rootfs, ["sleep", "1000"], timeout=0.3))
told["late"].append(result.timed_out)
image = "oci:" + home + "/layout:box"
tell("image", hutch.run(image, ["cat", "/data/kept"], store=home + "/store"))
with hutch.Sandbox(rootfs) as box:
    box.put({"/tmp/a": "one"})
    before = box.snapshot()
    tell("changed", box.run(["sh", "-c", "rm -r /etc; mkdir -m 0 /etc; rm /tmp/a; ls -d /etc"]))
    box.restore(before)
    tell("restored", box.run(["sh", "-c", "cat /tmp/a /etc/passwd"]))
for name, options in {"user": {"user": "guest"}, "memory": {"memory": "64m"}}.items():
    try:
        hutch.run(rootfs, ["true"], **options)
    except hutch.HutchError as error:
        told[name] = str(error)
state = os.environ["XDG_RUNTIME_DIR"] + "/hutch-sandbox"
told["left"] = [name for name in os.listdir(state) if name[0] != "."]
told["left"] += os.listdir(state + "/.scratch")
print(json.dumps(told))
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that the user reaches; pytest's own directories are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="hutch-user-"))
    folder.chmod(0o755)
    make_rootfs(folder / "rootfs")
    make_image(folder / "layout", "box")
    (folder / "run").mkdir(mode=0o700)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, USER, USER, follow_symlinks=False)
    yield folder
    shutil.rmtree(folder)


def test_an_ordinary_user(home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        as_user([sys.executable, "-c", PROGRAM], USER, USER, tmp_path),
        env={"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run"), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=120, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    code, ids, _ = told["ids"]
    assert code == 0
    assert ids.split() == ["0", "0", str(USER), "1", "CapEff:", "0" * 16]
    assert told["files"][1] == "text written\n"
    assert "written" not in (home / "rootfs" / "etc" / "passwd").read_text()
    assert told["net"][1].split() == ["lo"]
    assert told["host net"][1].strip() == os.readlink("/proc/self/ns/net")
    assert "No space" in told["full"][2]
    assert told["late"] == [137, "", "", True]
    assert told["image"][1] == "of the image\n"
    assert told["changed"][1] == "/etc\n"
    assert told["restored"][1].startswith("oneroot:")
    assert "only himself" in told["user"]
    assert "cgroup" in told["memory"] or not told["memory"]
    assert told["left"] == []


LEFT = """
import hutch, os
box = hutch.Sandbox(os.environ["HOME"] + "/rootfs").__enter__()
print("stays", flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("runtime_directory", [True, False])
def test_system_check_finds_what_an_ordinary_user_left(
    home: Path, tmp_path: Path, runtime_directory: bool
) -> None:
    """Not root's: an ordinary user may not read them, and warren checks as root of a namespace."""
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    if runtime_directory:
        environment["XDG_RUNTIME_DIR"] = str(home / "run")

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            as_user([sys.executable, *words], USER, USER, tmp_path), env=environment,
            capture_output=True, text=True, timeout=120, cwd="/",
        )  # fmt: skip

    def check(*flags: str) -> "subprocess.CompletedProcess[str]":
        return run("-m", "hutch.cli.warren", "system", "check", *flags)

    hutch.run(str(home / "rootfs"), ["true"])  # makes root's directories
    done = check()
    assert (done.returncode, "all is well" in done.stdout) == (0, True), done.stderr
    done = run("-c", LEFT)
    assert (done.returncode, done.stdout) == (-9, "stays\n"), done.stderr
    done = check()
    assert done.returncode == 1, done.stderr
    assert "the caller of these files has ended" in done.stdout + done.stderr
    assert check("--repair").returncode == 0
    assert check().returncode == 0
