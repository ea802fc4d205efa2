"""The programs of README.md and docs/sandbox.md run as they are printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.samples.images import Image
from tests.support.engines import busybox_layer

pytestmark = pytest.mark.root
ROOT = Path(__file__).parents[2]
# The default directories of root, as they are on a machine that has never run anything.
PRIVATE = 'mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /run && exec "$@"'


def programs(document: str) -> list[str]:
    """The blocks of Python that use a sandbox."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.M | re.S)
    return [block for block in blocks if "debian:12" in block]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("README.md", ["0 65534\n5\n", "b'hello world\\n'"]),
        ("docs/sandbox.md", ["0 b'ab' b''", "a\nb\n\nb'b\\na\\n'\nstdout b'got hello\\n'\n0\n",
                             "['0\\n', '1\\n', '2\\n', '3\\n']\n65534\n\nstdout b'a\\n"]),
    ],
)  # fmt: skip
def test_the_programs_run(document: str, said: list[str], tmp_path: Path) -> None:
    """An image of busybox takes the place of debian:12 in the store."""
    layer = busybox_layer()

    Image([layer.tar()], "gzip", {}).write(tmp_path / "box", "box")
    load = (
        "from hutch.images import Store\n"
        "with Store() as store:\n"
        f"    name = store.pull('oci:{tmp_path}/box:box').names[0]\n"
        "    store.tag(name, 'docker.io/library/debian:12')\n"
    )
    written = load + "".join(programs(document))
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", PRIVATE, "sh", sys.executable, "-c", written],
        capture_output=True, text=True, timeout=120, env=dict(os.environ), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for part in said:
        assert part in done.stdout


def test_the_readme_has_ten_lines() -> None:
    (program,) = programs("README.md")
    lines = [line for line in program.splitlines() if line and not line.startswith("import")]
    assert len(lines) <= 10
