"""After a boot: ps tells the truth, and what a restart policy wants is started by one command."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import Engine
from tests.support.reboot import go_down

pytestmark = pytest.mark.root


def test_after_a_boot(engine: Engine) -> None:
    policies = {
        "no": "no", "failing": "on-failure", "always": "always", "ended": "always",
        "unless": "unless-stopped", "stopped": "unless-stopped", "joined": "always",
    }  # fmt: skip
    ids = {}
    for name, policy in policies.items():
        more = ["--pid", "container:always"] if name == "joined" else []
        ids[name] = engine.start(
            "--name", name, "--restart", policy, *more, engine.image, "sleep", "1000"
        )
    engine.ok("create", *engine.create("--name", "new", "--restart", "always", engine.image))
    engine.ok("stop", "-t", "0", "ended", "stopped")
    engine.start("--name", "gone", "--rm", engine.image, "sleep", "1000")
    ids["gone"] = engine.ok("ps", "-q", "--no-trunc", "--filter", "name=gone").strip()
    go_down(engine, [id for name, id in ids.items() if name not in ("ended", "stopped")])

    def states() -> dict[str, str]:
        lines = engine.ok("ps", "-a", "--format", "{{.Names}} {{.State}}").splitlines()
        return dict(line.split() for line in lines)

    down = dict.fromkeys(policies, "exited") | {"new": "created"}
    assert states() == down
    state: Any = engine.inspect("no")["State"]
    assert (state["ExitCode"], state["Error"]) == (
        255, "the machine was shut down, or crashed, while it ran",
    )  # fmt: skip
    assert states() == down  # looking starts nothing
    assert engine.ok("system", "boot").splitlines() == ["always", "ended", "unless", "joined"]
    up = dict.fromkeys(("always", "ended", "unless", "joined"), "running")
    assert states() == down | up
    assert engine.ok("system", "boot") == ""


def test_what_cannot_start_is_told(engine: Engine) -> None:
    for name in ("one", "two"):
        engine.start(
            "--name", name, "--restart", "always", "-v", f"{engine.home}/{name}:/v", engine.image,
            "sleep", "1000",
        )  # fmt: skip
    go_down(engine, engine.ok("ps", "-q", "--no-trunc").split())
    os.rmdir(engine.home / "one")
    (engine.home / "one").symlink_to("/nowhere/at/all")
    done = engine.run("system", "boot")
    assert (done.returncode, done.stdout) == (1, "two\n")
    assert done.stderr.startswith("warren: ")


def test_the_unit(engine: Engine, tmp_path: Path) -> None:
    text = engine.ok("system", "install", "--print")
    start = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    assert start.endswith(f"--root {engine.root} system boot")
    unit = tmp_path / "warren.service"
    unit.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    # In a mount namespace of its own: the machine's /etc/systemd stays as it is.
    script = (
        "mount -t tmpfs tmpfs /etc/systemd/system && "
        '"$@" install && ls -R /etc/systemd/system && "$@" uninstall && ls -A /etc/systemd/system/*'
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *engine.command("system")],
        env=engine.variables(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.count("warren.service") == 3, done  # said, written, and wanted
    assert json.dumps(done.stdout).count("multi-user.target.wants") >= 1
