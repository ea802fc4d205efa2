"""Makes a bundle from an image, changes its config, and runs a container from it step by step.

python bundle.py IMAGE
"""

import json
import os
import select
import sys
import tempfile
from pathlib import Path

import hutch
from hutch.images import ImageNotFound, Store


def make_bundle(image: str, folder: Path) -> None:
    """Writes config.json and the root file system."""
    with Store() as store:
        try:
            found = store.find(image)
        except ImageNotFound:
            found = store.pull(image).image
        found.make_bundle(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["hostname"] = "example"
    config["process"]["terminal"] = False
    config["process"]["args"] = ["sh", "-c", "echo $GREETING from $(hostname); exec sleep 60"]
    config["process"]["env"].append("GREETING=hello")
    config["linux"]["resources"]["memory"] = {"limit": 64 << 20}
    path.write_text(json.dumps(config, indent=2))


def main(image: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        make_bundle(image, bundle)
        # From here on the kernel has the container; its program is not executed yet.
        container = hutch.Container.create("example-bundle", str(bundle))
        try:
            print(container.status, flush=True)
            pidfd = os.pidfd_open(container.state["pid"])
            container.start()
            print(container.status, flush=True)
            print("exit code of exec:", container.execute(["sh", "-c", "exit 7"]))
            container.kill("KILL")
            select.select([pidfd], [], [])  # readable at the end of the first process
            os.close(pidfd)
            print(container.status)
        finally:
            container.delete(force=True)


if __name__ == "__main__":
    main(sys.argv[1])
