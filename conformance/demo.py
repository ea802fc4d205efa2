"""The demonstration: makes a bundle from an image, runs a container, and explains each step.

It uses the commands as a user would: `warren bundle`, `hutch run`, `hutch explain`.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import hutch

BIN = Path(sys.prefix) / "bin"
IMAGE = Path(hutch.__file__).parent / "libexec" / "demo-image"
MEMORY = 32 << 20

# The filter denies one system call that the program does not need. It only shows that a filter is
# applied.
SECCOMP = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {"names": ["reboot", "swapon", "init_module", "kexec_load"], "action": "SCMP_ACT_ERRNO"}
    ],
}


def run(*words: str | Path) -> None:
    """Shows a command and runs it; a failure ends the demonstration."""
    print("\n$ " + " ".join(str(word) for word in words), flush=True)
    code = subprocess.run([BIN / words[0], *words[1:]], check=False).returncode
    if code != 0:
        sys.exit(f"{words[0]} ended with {code}")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="hutch-demo-") as folder:
        bundle = Path(folder) / "bundle"
        run("warren", "bundle", "--quiet", f"oci:{IMAGE}:latest", bundle)
        path = bundle / "config.json"
        config = json.loads(path.read_text())
        config["hostname"] = "rabbit"
        config["process"]["terminal"] = False
        config["linux"].setdefault("resources", {})["memory"] = {"limit": MEMORY}
        config["linux"]["seccomp"] = SECCOMP
        path.write_text(json.dumps(config, indent=2))
        print(
            f"\n(config.json: hostname rabbit, memory limit {MEMORY >> 20} MiB, a seccomp filter)"
        )
        run("hutch", "--root", Path(folder) / "state", "run", "--bundle", bundle, "demo")
        run("hutch", "explain", "--id", "demo", bundle)


if __name__ == "__main__":
    main()
