"""/_ping, /version, /info, /system/df and /auth."""

import os
import platform

from hutch import __version__
from hutch.api.call import Call
from hutch.api.fields import text
from hutch.engine.containers.about import about


def ping(call: Call) -> None:
    """GET and HEAD /_ping: the first call of every client; the headers say the API's version."""
    call.exchange.send(
        200, b"OK", "text/plain; charset=utf-8",
        {"Cache-Control": "no-cache, no-store, must-revalidate", "Pragma": "no-cache"},
    )  # fmt: skip


def version(call: Call) -> None:
    """GET /version"""
    from hutch.api.server import API, LEAST, dotted

    uname = os.uname()
    details = {
        "ApiVersion": dotted(API), "MinAPIVersion": dotted(LEAST), "Os": "linux",
        "Arch": architecture(), "KernelVersion": uname.release,
    }  # fmt: skip
    call.exchange.json(
        {
            **details,
            "Version": __version__,
            "GitCommit": "",
            "GoVersion": "",
            "BuildTime": "",
            "Platform": {"Name": "warren"},
            "Components": [
                {"Name": "warren", "Version": __version__, "Details": details},
                {"Name": "hutch", "Version": __version__, "Details": {}},
            ],
        }
    )


def architecture() -> str:
    """This machine's, in Go's words."""
    from hutch.image.platform import Platform

    return Platform.host().architecture


def info(call: Call) -> None:
    """GET /info: what ``warren info`` tells, with the fields whose absence the clients would call a
    lack of this host."""
    known = about(call.engine)
    call.exchange.json(
        {
            **known,
            "ID": "",
            "DriverStatus": [],
            "Plugins": {
                "Volume": ["local"],
                "Network": ["bridge", "host", "none"],
                "Authorization": None,
                "Log": ["k8s-file", "none"],
            },
            "MemoryLimit": True,
            "SwapLimit": True,
            "CpuCfsPeriod": True,
            "CpuCfsQuota": True,
            "CPUShares": True,
            "CPUSet": True,
            "PidsLimit": True,
            "IPv4Forwarding": True,
            "BridgeNfIptables": True,
            "BridgeNfIp6tables": True,
            "OomKillDisable": known["CgroupVersion"] == "1",
            "Debug": False,
            "NFd": len(os.listdir("/proc/self/fd")),
            "CgroupDriver": "cgroupfs",
            "OSVersion": platform.freedesktop_os_release().get("VERSION_ID", ""),
            "IndexServerAddress": "https://index.docker.io/v1/",
            "RegistryConfig": {"IndexConfigs": {}, "InsecureRegistryCIDRs": [], "Mirrors": []},
            "DockerRootDir": known["StoreRoot"],
            "HttpProxy": "",
            "HttpsProxy": "",
            "NoProxy": "",
            "Labels": [],
            "ExperimentalBuild": False,
            "Runtimes": {"hutch": {"path": known["Runtime"]}},
            "DefaultRuntime": "hutch",
            "Swarm": {"LocalNodeState": "inactive", "ControlAvailable": False, "NodeID": ""},
            "LiveRestoreEnabled": True,
            "InitBinary": "docker-init",
            "SecurityOptions": ["name=seccomp,profile=builtin"],
            "Warnings": None,
        }
    )


def disk_usage(call: Call) -> None:
    """GET /system/df"""
    from hutch.api.containers import entry
    from hutch.api.images import summary
    from hutch.engine.containers.describe import inspect_volume
    from hutch.engine.containers.listing import listed
    from hutch.engine.disk_use import tree_size

    engine = call.engine
    images: dict[str, dict[str, object]] = {}
    for image in engine.images.images():
        images.setdefault(image.id, summary(engine, image))
    volumes = [
        {
            **inspect_volume(engine, volume),
            "UsageData": {
                "Size": tree_size(str(engine.volumes.path(volume.name))),
                "RefCount": len(engine.volumes.users(volume.name)),
            },
        }
        for volume in engine.volumes.all()
    ]
    call.exchange.json(
        {
            "LayersSize": sum(part.size for part in engine.images.usage() if part.kind == "Images"),
            "Images": list(images.values()),
            "Containers": [entry(engine, r, sized=True) for r in listed(engine, every=True)],
            "Volumes": volumes,
            "BuildCache": [],
        }
    )


def authenticate(call: Call) -> None:
    """POST /auth: asks the registry whether it takes these credentials."""
    from hutch.image.registry.credentials import Credentials
    from hutch.image.registry.remote import connector

    body = call.exchange.document()
    host = text(body, "serveraddress") or "docker.io"
    host = host.removeprefix("https://").removeprefix("http://").partition("/")[0]
    user = text(body, "username")
    credentials = Credentials(user, text(body, "password"))
    registry = connector(call.engine.images.settings, credentials=credentials)(host, "")
    try:
        registry.login(user)
    finally:
        registry.close()
    call.exchange.json({"Status": "Login Succeeded", "IdentityToken": ""})
