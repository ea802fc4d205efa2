"""The bundle that every runtime runs: busybox and the default config of `hutch spec`."""

import json
import shutil
from pathlib import Path
from typing import Any

from hutch.spec.default import default_config

APPLETS = ("sh", "sleep", "true")


def make_bundle(folder: Path, *args: str, **changes: Any) -> Path:
    """A bundle whose container runs ``args``; ``changes`` are put into ``linux`` of config.json."""
    rootfs = folder / "rootfs"
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp"):
        (rootfs / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", rootfs / "bin" / "busybox")
    for applet in APPLETS:
        (rootfs / "bin" / applet).symlink_to("busybox")
    config: Any = default_config(cgroup_v2=not Path("/sys/fs/cgroup/memory").is_dir())
    # crun 1.8.1 does not know a version above 1.0. The config uses no later feature.
    config["ociVersion"] = "1.0.2"
    config["process"]["terminal"] = False
    config["process"]["args"] = list(args)
    config["linux"].update(changes)
    (folder / "config.json").write_text(json.dumps(config))
    return folder
