"""Names of containers by aardvark-dns, a small nameserver from Debian: one for a store.

It reads a folder: a file for each network, whose first line has the addresses to listen on, and
each further line a container: ID ADDRESS4 ADDRESS6 NAME,NAME [NAMESERVER,NAMESERVER]. It answers
for the networks that the asking container is in, and asks the host's nameservers (or those in the
last column) for all else. SIGHUP has it read again; without files it ends. It is in the background
when its first process has ended.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hutch.engine.network.records import Network
from hutch.errors import HostError, HutchError

PORT = "53"
NONE = HostError(
    "containers find each other by address only: aardvark-dns is not installed",
    hint="apt-get install aardvark-dns",
)


def program() -> str:
    """aardvark-dns' path, "" if it is not there."""
    places = "/usr/lib/podman:/usr/libexec/podman:/usr/bin"
    return shutil.which("aardvark-dns") or shutil.which("aardvark-dns", path=places) or ""


def lines(network: Network, containers: Mapping[str, tuple[str, str, list[str], list[str]]]) -> str:
    """A network's file. ``containers`` has by id: addresses of IPv4 and IPv6, names, nameservers
    instead of the host's."""
    found = [",".join(subnet["gateway"] for subnet in network.subnets)]
    for id, (address4, address6, names, servers) in sorted(containers.items()):
        line = f"{id} {address4} {address6} {','.join(names)}"
        found.append(line + (" " + ",".join(servers) if servers else ""))
    return "".join(line + "\n" for line in found)


def serve(folder: Path, files: Mapping[str, str]) -> HutchError | None:
    """Has the nameserver answer for these files, by their names; ends it if there are none. A
    warning if there is no such program."""
    path = program()
    if not path:
        return NONE if files else None
    if not files and not folder.is_dir():
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    changed = False
    for name in set(os.listdir(folder)) - files.keys() - {"aardvark.pid"}:
        (folder / name).unlink(missing_ok=True)
        changed = True
    for name, text in files.items():
        target = folder / name
        if not target.exists() or target.read_text() != text:
            fresh = folder.with_name("dns.new")
            fresh.write_text(text)
            fresh.replace(target)
            changed = True
    pid = running(folder)
    if not files:
        if pid:
            os.kill(pid, signal.SIGTERM)
        shutil.rmtree(folder, ignore_errors=True)
    elif not pid:
        return start(path, folder)
    elif changed:
        os.kill(pid, signal.SIGHUP)
    return None


def running(folder: Path) -> int:
    """The pid of the folder's nameserver; 0 if it does not run."""
    try:
        pid = int((folder / "aardvark.pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return 0
    return pid if os.fsencode(folder) in words else 0


def start(path: str, folder: Path) -> HutchError | None:
    """Starts it, and waits until it listens."""
    (folder / "aardvark.pid").unlink(missing_ok=True)
    done = subprocess.run(
        [path, "--config", str(folder), "-p", PORT, "run"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, cwd="/", check=False,
    )  # fmt: skip
    if done.returncode:
        return HostError(
            f"containers do not find each other by name: aardvark-dns ended with {done.returncode}",
            hint="perhaps another program has port 53 of all addresses: ss -lnpu 'sport = :53'",
        )
    return None
