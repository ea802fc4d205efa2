"""hutch-init with AddressSanitizer and UBSan, in containers that use most fields.

``./dev sanitize`` runs all container tests with it.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containers import COMMAND, Bundle, Runtime
from tests.support.every_operation import PLANS
from tests.support.installation import sanitized
from tests.support.leftovers import CGROUPS

pytestmark = [
    pytest.mark.root,
    pytest.mark.usefixtures("no_traces"),
    pytest.mark.skipif("HUTCH" in os.environ, reason="the runtime here is a build of its own"),
]
SCRIPT = """
cut -d' ' -f4-6 /proc/self/mountinfo; ls -ln /dev | cut -c1-20; id; pwd; hostname; umask
cat /proc/self/limits; grep -E 'Cap|Seccomp|NoNew|Groups' /proc/self/status; ls /proc/self/fd
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hutch-sanitized-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def command(folder: Path) -> str:
    return str(sanitized(folder))


def crooked(bundle: Bundle, folder: Path) -> None:
    """Mounts through long and short links, whose targets exist or not."""
    root = bundle.rootfs
    (root / "inside").mkdir()
    (root / "absolute").symlink_to("/inside/deep")
    (root / "upward").symlink_to("../../../../inside")
    (root / "dangling").symlink_to("var/not/there")
    (root / ("x" * 255)).symlink_to("./" * 1500 + "inside")
    for name in ("absolute", "upward/new", "dangling", "x" * 255 + "/far", "var/../inside/dots"):
        bundle.config["mounts"].append({"destination": "/" + name, "type": "tmpfs"})


CONFIGS = {**PLANS, "with crooked mounts": crooked, "as it is": lambda *_: None}


@pytest.mark.parametrize("older", [False, True], ids=["openat2", "without openat2"])
@pytest.mark.parametrize("name", [name for name in CONFIGS if "terminal" not in name])
def test_s84_the_init_has_no_sanitizer_errors_and_the_same_results(
    command: str, folder: Path, tmp_path: Path, name: str, older: bool
) -> None:
    shown = []
    for number, program in enumerate((COMMAND, command)):
        place = Path(tempfile.mkdtemp(dir=folder))
        place.chmod(0o755)
        bundle = Bundle(place / "bundle")
        CONFIGS[name](bundle, place)
        bundle.config["linux"]["cgroupsPath"] = f"/{CGROUPS}/{tmp_path.name}"
        bundle.config["process"]["cwd"] = "/"
        bundle.sh(SCRIPT)
        runtime = Runtime(program, tmp_path / f"state-{number}")
        words = [program, "--root", str(runtime.root), "run", "-b", str(bundle.path), "test"]
        if older:
            inject = ["-e", "trace=openat2", "-e", "inject=openat2:error=ENOSYS"]
            words = ["strace", "-f", "-qq", "-o", "/dev/null", *inject, *words]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        assert done.returncode == 0, done.stderr
        shown.append(done.stdout.replace(str(place), "PLACE"))
    assert shown[0] == shown[1]
    assert "Seccomp" in shown[0]


def test_s84_exec_has_no_sanitizer_errors(command: str, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    bundle = Bundle(tmp_path / "place" / "bundle").args("sleep", "1000")
    runtime = Runtime(command, tmp_path / "state")
    runtime("create", "-b", str(bundle.path), "test")
    runtime("start", "test")
    done = runtime("exec", "--user", "1000:1000", "--cwd", "/tmp", "test", "sh", "-c", "id -u; pwd")
    assert (done.out, done.err) == ("1000\n/tmp\n", "")
    for words in (["nosuch"], ["--cwd", "/nosuch", "true"], ["--user", "1:1", "/etc/passwd"]):
        assert "Sanitizer" not in runtime.refuses("exec", *words[:-1], "test", words[-1], code=255)
    runtime("delete", "--force", "test")
