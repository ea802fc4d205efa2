"""config-linux.md "Network Devices": devices of the host that are moved into the container."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.suite.case import Case, expect, needs, same
from conformance.suite.documents import LINUX
from conformance.suite.table import MUST


def ip(*words: str, check: bool = True) -> str:
    """The output of ip(8)."""
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
    if check:
        needs(done.returncode == 0, f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def device(case: Case, suffix: str = "a") -> Iterator[str]:
    """A context manager with a network device of the host."""
    name = f"cf{abs(hash(case.id)) % 10**8}{suffix}"
    ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
    try:
        yield name
    finally:
        ip("link", "del", name, check=False)


def inside(case: Case, *words: str) -> str:
    """ip(8) in the container's network namespace."""
    pid = case.state()["pid"]
    done = subprocess.run(
        ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", *words],
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout


@LINUX.shown(MUST, "devices of netDevices are in the container, with the given name", 214)
def moved(case: Case) -> None:
    with device(case) as name:
        case.linux["netDevices"] = {name: {"name": "inner0"}}
        case.create()
        expect("inner0" in inside(case, "link"), "it is not there")
        expect(not Path(f"/sys/class/net/{name}").exists(), "it is still on the host")


@LINUX.shown(MUST, "a missing device, or a name that is already used, is an error", 224, 226)
def impossible(case: Case) -> None:
    case.linux["netDevices"] = {"nowhere0": {}}
    case.refused()
    with device(case) as name:
        case.linux["netDevices"] = {name: {"name": "lo"}}
        case.refused()
        expect(Path(f"/sys/class/net/{name}").exists(), "it is gone from the host")


@LINUX.shown(MUST, "a new name that ends in %d is a pattern, and the kernel inserts a number", 228)
def pattern(case: Case) -> None:
    with device(case) as name:
        case.linux["netDevices"] = {name: {"name": "rabbit%d"}}
        case.create()
        expect("rabbit0" in inside(case, "link"), "there is no rabbit0")


@LINUX.shown(
    MUST, "permanent addresses of global scope, and attributes, are moved with the device", 232
)
def addresses(case: Case) -> None:
    with device(case) as name:
        ip("addr", "add", "192.0.2.7/24", "dev", name)
        ip("addr", "add", "2001:db8::7/64", "dev", name, check=False)
        ip("link", "set", name, "mtu", "1400")
        case.linux["netDevices"] = {name: {}}
        case.create()
        shown = inside(case, "addr", "show", "dev", name)
        for what in ("192.0.2.7/24", "mtu 1400"):
            expect(what in shown, f"{what} is lost")
        if Path("/proc/net/if_inet6").exists():
            expect("2001:db8::7/64" in shown, "2001:db8::7/64 is lost")


@LINUX.shown(MUST, "the device is up in the container", 238)
def up(case: Case) -> None:
    with device(case) as name:
        case.linux["netDevices"] = {name: {}}
        case.create()
        flags = inside(case, "link", "show", "dev", name).partition("<")[2].partition(">")[0]
        expect("UP" in flags.split(","), f"its flags are {flags}")


@LINUX.shown(
    MUST,
    "after the move the runtime does not change the device, and does not move it back",
    244,
    251,
)
def left_alone(case: Case) -> None:
    with device(case) as name:
        case.linux["netDevices"] = {name: {}}
        case.create()
        expect(name in inside(case, "link"), "it is not there")
        case.start()
        case.output()
        case.until("stopped")
        case.call("delete", case.id)
        # The kernel deletes a virtual device with its namespace.
        same(Path(f"/sys/class/net/{name}").exists(), False, "whether it is back on the host")
