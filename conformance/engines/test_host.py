"""The checks in the virtual machine (conformance.testhost): systemd, cgroup v2, AppArmor.

The machine prints each outcome as a line of JSON, so that those of a machine that comes to an early
end are kept.
"""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from conformance.engines.report import Outcome, Page

PROJECT = Path(__file__).parents[2]
# A swarm needs networks of its own, and each engine with docker takes an hour there.
ENGINES = ("podman", "buildah", "containerd", "cri", "docker")
PACKAGES = (
    "buildah", "containerd", "containernetworking-plugins", "docker.io", "openssl", "podman",
    "tini",
)  # fmt: skip
TIMEOUT = "14400"
WHERE = {
    "apparmor": "a virtual machine with systemd, cgroup v2 and AppArmor",
    "selinux-enforcing": "a virtual machine with systemd, cgroup v2 and SELinux, which enforces; "
    "Debian's policy knows no containers: conformance/testhost/guest/container.cil has its types",
}


def folder() -> str:
    """A folder for the engines, in the machine. What the kernel has as modules is loaded."""
    if not Path("/run/systemd/system").is_dir():
        raise SystemExit("conformance: start it by ./dev conformance --engines [--host vm]")
    subprocess.run(["modprobe", "--all", "fuse", "bridge", "br_netfilter", "veth"], check=False)
    made = tempfile.mkdtemp(prefix="en.", dir="/var/tmp")
    os.chmod(made, 0o711)  # who is mapped to another user must walk through it
    return made


def line(engine: str, label: str, runtime: str, outcome: Outcome) -> str:
    """One outcome as the machine tells it."""
    return json.dumps(
        {"engine": engine, "check": label, "runtime": runtime, **dataclasses.asdict(outcome)}
    )


def run(
    words: list[str], runtimes: list[str], security: str, programs: Path | None
) -> tuple[Page, bool]:
    """Runs the checks in the machine with these arguments: what came of them, and whether all were
    done. ``security`` is a key of machine.SECURITY, ``programs`` a folder of more programs."""
    host = [sys.executable, "-m", "conformance.testhost", "run", "--share", str(PROJECT)]
    host += ["--share", str(programs)] if programs else []
    host += ["--security", security]
    host += [word for name in PACKAGES for word in ("--package", name)]
    host += ["--timeout", TIMEOUT, "--", sys.executable, "-m", "conformance.engines", "--outcomes"]
    page = Page({}, runtimes, [WHERE[security]])
    with subprocess.Popen([*host, *words], stdout=subprocess.PIPE, text=True, cwd=PROJECT) as done:
        assert done.stdout
        for text in done.stdout:
            if not text.startswith("{"):
                sys.stderr.write(text)
                continue
            found = json.loads(text)
            if "versions" in found:
                page.versions += found["versions"]
                continue
            engine, label, runtime = (found.pop(key) for key in ("engine", "check", "runtime"))
            checks = page.results.setdefault(engine, {})
            checks.setdefault(label, {})[runtime] = Outcome(**found)
    return page, done.returncode == 0
