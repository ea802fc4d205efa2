"""What ``info`` tells: the store, its containers, and the host they run on."""

import os
import platform
import shutil

from hutch import __version__
from hutch.engine.containers.conmon import hutch_program
from hutch.engine.containers.listing import listed, status
from hutch.engine.containers.stats import host_memory
from hutch.engine.engine import Engine
from hutch.engine.rootless import rootless


def about(engine: Engine) -> dict[str, object]:
    """In the words of Docker's ``info``."""
    records = [status(record) for record in listed(engine, every=True)]
    unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    return {
        "ServerVersion": __version__,
        "Containers": len(records),
        "ContainersRunning": records.count("running"),
        "ContainersPaused": records.count("paused"),
        "ContainersStopped": len(records) - records.count("running") - records.count("paused"),
        "Images": len({image.id for image in engine.images.images()}),
        "Driver": "overlay",
        "LoggingDriver": "k8s-file",
        "CgroupVersion": "2" if unified else "1",
        "Rootless": rootless(),
        "Runtime": hutch_program(),
        "Supervisor": shutil.which("conmon") or "",
        "KernelVersion": os.uname().release,
        "OperatingSystem": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
        "OSType": "linux",
        "Architecture": os.uname().machine,
        "NCPU": os.cpu_count() or 0,
        "MemTotal": host_memory(),
        "Name": os.uname().nodename,
        "StoreRoot": str(engine.store.root),
    }
