"""An engine: run IMAGE COMMAND..., ps, logs ID, stop ID, rm ID. Containers run in the background.

python engine.py run debian:12 sleep 1000
"""

import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import hutch
from hutch.images import ImageNotFound, Store

HOME = Path(os.environ.get("ENGINE_HOME", "/var/lib/example-engine"))


def run(image: str, *command: str) -> str:
    id = secrets.token_hex(6)
    folder = HOME / id
    with Store() as store:
        try:
            found = store.find(image)
        except ImageNotFound:
            found = store.pull(image).image
        folder.mkdir(parents=True)
        found.make_bundle(folder / "bundle")
    path = folder / "bundle" / "config.json"
    config = json.loads(path.read_text())
    config["process"] |= {"terminal": False, "args": [*command] or config["process"]["args"]}
    path.write_text(json.dumps(config))
    # A container has the standard streams of the process that makes it.
    kept = os.dup(1)
    with open(folder / "log", "wb") as log, open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        hutch.Container.create(id, str(folder / "bundle"), root=str(HOME / "state")).start()
    finally:
        os.dup2(kept, 1)
        os.dup2(kept, 2)
    return id


def ps() -> str:
    states = hutch.Container.states(str(HOME / "state"))
    return "\n".join(f"{state['id']} {state['status']} {state['pid']}" for state in states)


def logs(id: str) -> str:
    return (HOME / id / "log").read_text().rstrip("\n")


def stop(id: str) -> str:
    hutch.Container(id, str(HOME / "state")).kill("KILL")
    return id


def rm(id: str) -> str:
    hutch.Container(id, str(HOME / "state")).delete(force=True)
    shutil.rmtree(HOME / id, ignore_errors=True)
    return id


if __name__ == "__main__":
    verbs: dict[str, Callable[..., str]] = {
        "run": run, "ps": ps, "logs": logs, "stop": stop, "rm": rm,
    }  # fmt: skip
    try:
        print(verbs[sys.argv[1]](*sys.argv[2:]))
    except hutch.HutchError as error:
        sys.exit(f"engine: {error}")
