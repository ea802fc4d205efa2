"""The examples of docs/examples run, and print what they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.samples.images import Image
from tests.support.engines import busybox_layer

pytestmark = pytest.mark.root
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
# The default directories of root, as they are on a machine that has never run anything.
PRIVATE = 'mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /run && exec "$@"'
LOAD = """
import sys
from hutch.images import Store
with Store() as store:
    store.tag(store.pull(sys.argv[1]).names[0], "box")
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("image") / "box"
    Image([busybox_layer().tar()], "gzip", {"Cmd": ["sh"]}).write(folder, "box")
    return f"oci:{folder}:box"


def output(image: str, script: str) -> str:
    """What a shell script prints that finds the image under the name ``box``."""
    load = f'"$PYTHON" -c "$LOAD" {image} && '
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", PRIVATE, "sh", "sh", "-ec", load + script],
        capture_output=True, text=True, timeout=120, check=False, cwd=EXAMPLES,
        env={**os.environ, "PYTHON": sys.executable, "LOAD": LOAD, "HUTCH_IMAGE": "box"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_bundle(image: str) -> None:
    assert sorted(output(image, '"$PYTHON" bundle.py box').splitlines()) == [
        "created", "exit code of exec: 7", "hello from example", "running", "stopped",
    ]  # fmt: skip


def test_plan(image: str) -> None:
    lines = output(image, '"$PYTHON" plan.py').splitlines()
    assert any(line.startswith("mounts[1]: mount tmpfs on /dev") for line in lines)
    assert lines[-1].startswith("config.json: process.rlimits[0].type is 'RLIMIT_NOFIL': ")


def test_limits(image: str) -> None:
    said = dict(
        line.split(": ", 1) for line in output(image, '"$PYTHON" limits.py box').splitlines()
    )
    assert said == {
        "well behaved": "printed '42'",
        "wants memory": "killed: it wanted more than 32 MiB",
        "wants time": "stopped after 3 s",
        "wants the network": "printed '1'",
        "wants root": "printed '65534'",
    }


def test_events(image: str) -> None:
    lines = output(image, '"$PYTHON" events.py box').splitlines()
    assert lines[-1] == "stopped" and "memory ran out" in lines
    assert re.fullmatch(r"\d+ MiB, \d processes", lines[0])


def test_profile(image: str) -> None:
    said = output(image, '"$PYTHON" profile.py box')
    assert said.startswith("one\n") and "unlink (" in said
    assert "    fails with EPERM  [defaultAction]" in said
    assert "linux.seccomp.defaultAction: chmod fails with EPERM in process" in said
    assert "the end\n" in said


def test_fixture(image: str) -> None:
    line = '"$PYTHON" -m pytest -q -p no:cacheprovider test_fixture.py'
    assert "3 passed" in output(image, line)


def test_engine(image: str) -> None:
    """In fifty lines, without what a reader skips."""
    script = (
        'engine() { "$PYTHON" engine.py "$@"; }\n'
        'id=$(engine run box sh -c "echo started; exec sleep 1000")\n'
        "engine ps\n"
        "until engine logs $id | grep started; do :; done\n"
        "engine stop $id\n"
        "until engine ps | grep stopped; do :; done\n"
        "engine rm $id\n"
        'test -z "$(engine ps)"\n'
        "! engine stop nothing 2>&1\n"
    )
    lines = output(image, script).splitlines()
    id = lines[0].split()[0]
    assert re.fullmatch(rf"{id} running \d+", lines[0])
    assert lines[1:5] == ["started", id, f"{id} stopped 0", id]
    assert lines[5].startswith("engine: ") and "does not exist" in lines[5]
    code = (EXAMPLES / "engine.py").read_text().partition("HOME = ")[2].splitlines()
    assert len([line for line in code if line.strip()]) <= 50


def test_the_list_of_examples_is_complete() -> None:
    listed = re.findall(r"^\| `(\w+\.py)`", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in EXAMPLES.glob("*.py"))
