"""Records a seccomp profile from a session, and runs a container under it that tries more.

python profile.py IMAGE
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from hutch.images import ImageNotFound, Store

HUTCH = Path(sys.prefix) / "bin" / "hutch"


def make_bundle(image: str, folder: Path, script: str, profile: Path | None) -> None:
    """A bundle that runs a shell script, under the profile if there is one."""
    with Store() as store:
        try:
            found = store.find(image)
        except ImageNotFound:
            found = store.pull(image).image
        found.make_bundle(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["process"]["terminal"] = False
    config["process"]["args"] = ["sh", "-c", script]
    config["linux"].pop("seccomp", None)
    if profile is not None:
        config["linux"]["seccomp"] = json.loads(profile.read_text())
    path.write_text(json.dumps(config, indent=2))


def hutch(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a command of hutch."""
    return subprocess.run([HUTCH, *words], capture_output=True, text=True, check=False)


def main(image: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        profile, bundle, other = (Path(name, part) for part in ("profile.json", "one", "other"))
        make_bundle(image, bundle, "echo one > /tmp/file; cat /tmp/file; rm /tmp/file", None)
        # Several recordings into the same file are merged.
        print(hutch("seccomp", "record", "-o", profile, "--bundle", bundle, "example").stdout)
        print(hutch("seccomp", "show", profile, "unlink").stdout)
        print(hutch("seccomp", "show", profile, "chmod").stdout)
        make_bundle(image, other, "chmod 700 /tmp; echo the end", profile)
        done = hutch("run", "--seccomp-explain", "--bundle", other, "example")
        print(done.stdout + done.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
