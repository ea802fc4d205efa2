"""/_ping, /version, /info and /system/df."""

import os
import platform
import threading
import time

from hutch import __version__
from hutch.api.call import Call
from hutch.api.fields import yes
from hutch.engine.containers.about import about
from hutch.engine.containers.listing import rfc3339
from hutch.engine.engine import Engine
from hutch.engine.network.addresses import POOLS
from hutch.errors import NotFound, UsageError, shown

KINDS = ("container", "image", "volume", "build-cache")


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
            "Experimental": False,
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
            # What these say is missing docker info warns of. The engine sets what the host lacks.
            **dict.fromkeys(
                (
                    "MemoryLimit",
                    "SwapLimit",
                    "CpuCfsPeriod",
                    "CpuCfsQuota",
                    "CPUShares",
                    "CPUSet",
                    "PidsLimit",
                    "IPv4Forwarding",
                    "BridgeNfIptables",
                    "BridgeNfIp6tables",
                ),
                True,
            ),
            "OomKillDisable": known["CgroupVersion"] == "1",
            "Debug": False,
            "NGoroutines": threading.active_count(),
            "NEventsListener": 0,
            "SystemTime": rfc3339(time.time()),
            "Isolation": "",
            "ProductLicense": "",
            "GenericResources": None,
            "DefaultAddressPools": [{"Base": pool, "Size": size} for pool, size in POOLS],
            "FirewallBackend": {"Driver": "nftables"},
            "DiscoveredDevices": [],
            "CDISpecDirs": [],
            "ContainerdCommit": {"ID": ""},
            "RuncCommit": {"ID": __version__},
            "InitCommit": {"ID": ""},
            "NFd": len(os.listdir("/proc/self/fd")),
            "CgroupDriver": "cgroupfs",
            "OSVersion": platform.freedesktop_os_release().get("VERSION_ID", ""),
            "IndexServerAddress": "https://index.docker.io/v1/",
            "RegistryConfig": {
                "IndexConfigs": {
                    "docker.io": {
                        "Name": "docker.io",
                        "Mirrors": [],
                        "Secure": True,
                        "Official": True,
                    },
                },
                "InsecureRegistryCIDRs": ["127.0.0.0/8"],
                "Mirrors": [],
            },
            "DockerRootDir": known["StoreRoot"],
            "HttpProxy": "",
            "HttpsProxy": "",
            "NoProxy": "",
            "Labels": [],
            "ExperimentalBuild": False,
            "Runtimes": {"hutch": {"path": known["Runtime"]}},
            "DefaultRuntime": "hutch",
            "Swarm": {
                "LocalNodeState": "inactive",
                "ControlAvailable": False,
                "NodeID": "",
                "NodeAddr": "",
                "Error": "",
                "RemoteManagers": None,
            },
            "LiveRestoreEnabled": True,
            "InitBinary": "docker-init",
            "SecurityOptions": ["name=seccomp,profile=builtin"],
            "Warnings": None,
        }
    )


def disk_usage(call: Call) -> None:
    """GET /system/df?type=&verbose="""
    from hutch.api.containers import entry
    from hutch.api.images import summary
    from hutch.engine.containers.listing import listed

    engine = call.engine
    asked = set(call.exchange.repeated.get("type", [])) or set(KINDS)
    if unknown := asked - set(KINDS):
        raise UsageError(f"type={shown(min(unknown))}: there are {', '.join(KINDS)}")
    found: dict[str, object] = {}
    if "image" in asked:
        images: dict[str, dict[str, object]] = {}
        for image in engine.images.images():
            images.setdefault(image.id, summary(call, image))
        part = next(part for part in engine.images.usage() if part.kind == "Images")
        found |= {"LayersSize": part.size, "Images": list(images.values())}
        found["ImageUsage"] = usage(
            len(images), part.active, part.size, part.reclaimable, found["Images"]
        )
    if "container" in asked:
        rows = [entry(engine, r, sized=True) for r in listed(engine, every=True)]
        sizes = {str(row["Id"]): whole_of(row, "SizeRw") for row in rows}
        ended = [size for row, size in zip(rows, sizes.values(), strict=True)
                 if row["State"] not in ("running", "paused", "restarting")]  # fmt: skip
        found["Containers"] = rows
        found["ContainerUsage"] = usage(
            len(rows), len(rows) - len(ended), sum(sizes.values()), sum(ended), rows
        )
    if "volume" in asked:
        found |= volume_usage(engine)
    if "build-cache" in asked:
        found |= {"BuildCache": [], "BuildCacheUsage": usage(0, 0, 0, 0, [])}
    if yes(call.query, "verbose"):
        found = {name: part for name, part in found.items() if name.endswith("Usage")}
    else:
        for kind in found.values():
            if isinstance(kind, dict):
                kind.pop("Items", None)
    call.exchange.json(found)


def usage(count: int, active: int, size: int, free: int, items: object) -> dict[str, object]:
    """How much one kind of things takes, in bytes, and how much could be had back (since 1.52)."""
    return {
        "TotalCount": count, "ActiveCount": active, "TotalSize": size, "Reclaimable": free,
        "Items": items,
    }  # fmt: skip


def whole_of(row: dict[str, object], name: str) -> int:
    """A number of an entry of a list; 0 if it is not there."""
    value = row.get(name)
    return value if isinstance(value, int) else 0


def volume_usage(engine: Engine) -> dict[str, object]:
    """The volumes with their sizes."""
    from hutch.engine.containers.describe import inspect_volume
    from hutch.engine.disk_use import tree_size

    rows, active, total, free = [], 0, 0, 0
    for volume in engine.volumes.all():
        size, users = tree_size(str(engine.volumes.path(volume.name))), engine.volumes.users
        count = len(users(volume.name))
        rows.append(
            {**inspect_volume(engine, volume), "UsageData": {"Size": size, "RefCount": count}}
        )
        active, total, free = active + (count > 0), total + size, free + (0 if count else size)
    return {"Volumes": rows, "VolumeUsage": usage(len(rows), active, total, free, rows)}


def no_plugins(call: Call) -> None:
    """GET /plugins: there are none."""
    call.exchange.json([])


def no_such_plugin(call: Call) -> None:
    """GET /plugins/NAME/json: clients ask for it when they look for a name of any kind."""
    raise NotFound(f"plugin {shown(call.names['name'])} not found")
