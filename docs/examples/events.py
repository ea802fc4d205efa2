"""Watches what a container uses, until the kernel kills it because memory ran out.

python events.py IMAGE
"""

import json
import sys
import tempfile
from pathlib import Path

import hutch
from hutch.images import ImageNotFound, Store

# Takes 4 MB more each time, and holds them.
SCRIPT = "exec 2>/dev/null; a=$(head -c 4000000 /dev/zero | tr '\\0' x); b=$a; " \
    "while true; do sleep 0.2; b=$b$a; done"  # fmt: skip


def main(image: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        with Store() as store:
            try:
                found = store.find(image)
            except ImageNotFound:
                found = store.pull(image).image
            found.make_bundle(bundle)
        path = bundle / "config.json"
        config = json.loads(path.read_text())
        config["process"]["terminal"] = False
        config["process"]["args"] = ["sh", "-c", SCRIPT]
        config["linux"]["resources"]["memory"] = {"limit": 40 << 20, "swap": 40 << 20}
        path.write_text(json.dumps(config))
        container = hutch.Container.create("example-events", str(bundle))
        try:
            container.start()
            for event in container.events(interval=0.2):
                if event["type"] == "oom":
                    print("memory ran out")
                elif event["type"] == "end":
                    print("it ended:", event["data"]["reason"])
                else:
                    memory = event["data"]["memory"]["usage"]["usage"]
                    pids = event["data"]["pids"]["current"]
                    print(f"{memory >> 20} MiB, {pids} processes", flush=True)
            print(container.status)
        finally:
            container.delete(force=True)


if __name__ == "__main__":
    main(sys.argv[1])
