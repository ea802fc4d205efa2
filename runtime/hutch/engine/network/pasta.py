"""The network of an ordinary user's container: pasta (pasta(1), Debian's package passt).

An ordinary user may make no links on the host. pasta is a process that gives a network namespace an
interface with the host's addresses and routes, and opens and accepts connections for it as any
program of the user may.

It ends when the file on which the namespace is mounted is removed. If it was killed, the next
command that looks at the container starts another one.
"""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.engine.containers.config import hostname_of
from hutch.engine.containers.mounts import Neighbourhood, write_files
from hutch.engine.containers.truth import Death, birth
from hutch.engine.network import ports
from hutch.engine.network.namespace import enter_new, in_a_thread, remove_namespace
from hutch.engine.network.records import Published
from hutch.engine.network.wire import published_by_others
from hutch.errors import HostError, UsageError, shown
from hutch.kernel.process import set_namespace
from hutch.plan.namespaces import CLONE_NEWNET

if TYPE_CHECKING:
    from hutch.engine.containers.records import Record
    from hutch.engine.engine import Engine

# Addresses for documentation: where a route leads there, there is a way out (RFC 5737, RFC 3849).
FAR = {4: (socket.AF_INET, "192.0.2.1"), 6: (socket.AF_INET6, "2001:db8::1")}
FORWARDER = "169.254.1.1"  # DNS at this address is sent on to the host's nameserver
# What we ask for unless --network pasta:OPTIONS does: the flag, its short form, its value.
USUAL = (
    ("--ns-ifname", "-I", "eth0"),
    ("--tcp-ports", "-t", "none"),
    ("--udp-ports", "-u", "none"),
    ("--tcp-ns", "-T", "none"),
    ("--udp-ns", "-U", "none"),
    ("--dns-forward", "", FORWARDER),
)


def program() -> str:
    """pasta's path. Raises HostError."""
    found = shutil.which("pasta")
    if found is None:
        raise HostError(
            "pasta, which connects an ordinary user's containers to the network, is not installed",
            hint="apt-get install passt, or --network none, host or container:NAME",
        )
    return found


def namespace_path(engine: "Engine", id: str) -> Path:
    """Where a container's network namespace is mounted, in the user's mount namespace."""
    return engine.store.root / "run" / "netns" / id


def connect(engine: "Engine", record: "Record", exposes: Iterable[str]) -> str:
    """Makes a container's network namespace, has pasta connect it, and writes /etc/hosts and the
    like; ``exposes`` are the ports of its image. Its path.

    Raises HostError, Conflict; nothing is left then.
    """
    options = record.options
    wanted = ports.wanted(options.ports, [*exposes, *options.expose], every=options.publish_all)
    for port in wanted:
        if port["protocol"] == "sctp":
            raise HostError(
                f"port {port['port']}/sctp cannot be published: pasta carries tcp and udp only"
            )
    versions = [version for version in FAR if source(version)] or [4]
    # pasta binds to the ports itself; this finds free ones, and tells who has one that is not.
    reserved = ports.reserve(record.id, wanted, versions, published_by_others(engine, record.id))
    reserved.close()
    with engine.store.database.transaction():
        for one in reserved.ports:
            engine.networks.publish(one)
    path = namespace_path(engine, record.id)
    try:
        in_a_thread(lambda: enter_new(path))
        _start(engine, record, reserved.ports)
        addresses = in_a_thread(lambda: addresses_in(path))
        own = Neighbourhood(addresses, forwarder=FORWARDER)
        write_files(options, engine.places(record), hostname_of(record), own)
    except BaseException:
        disconnect(engine, record)
        raise
    return str(path)


def disconnect(engine: "Engine", record: "Record") -> None:
    """Ends pasta, and removes the namespace and the rows of the published ports."""
    pid = running(engine, record)
    death = Death(pid, birth(pid))
    death.signal(signal.SIGKILL)
    death.wait(5)  # then its ports are free
    death.close()
    remove_namespace(namespace_path(engine, record.id))
    engine.networks.release(record.id)


def watch(engine: "Engine", record: "Record") -> None:
    """Starts pasta again for a container that runs, if it was killed."""
    if running(engine, record) or not namespace_path(engine, record.id).exists():
        return
    lock = engine.store.lock("pasta-" + record.id)
    if not lock.acquire(wait=False):
        return
    try:
        if not running(engine, record):
            _start(engine, record, engine.networks.published(record.id))
    except HostError as error:
        engine.warn(error)
    finally:
        lock.release()


def running(engine: "Engine", record: "Record") -> int:
    """The pid of a container's pasta; 0 if there is none."""
    pid = engine.places(record).pid_in("pasta.pid")
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return 0
    return pid if os.fsencode(namespace_path(engine, record.id)) in words else 0


def addresses_in(path: Path) -> list[str]:
    """The addresses of a network namespace, which this thread enters."""
    namespace = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        set_namespace(namespace, CLONE_NEWNET)
    finally:
        os.close(namespace)
    return [address for version in FAR if (address := source(version))]


def source(version: int) -> str:
    """The address from which this network namespace reaches others; "" if it does not."""
    family, far = FAR[version]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            one.connect((far, 9))  # sends nothing
            return str(one.getsockname()[0])
    except OSError:
        return ""


def _start(engine: "Engine", record: "Record", published: list[Published]) -> None:
    """Starts pasta, which goes into the background once the namespace is connected."""
    mode = record.options.network
    own = mode.partition(":")[2].split(",") if ":" in mode else []
    pid_file = str(engine.places(record).folder / "pasta.pid")
    words = [
        program(), "--config-net", "--quiet", "--pid", pid_file,
        *arguments(own, published), "--netns", str(namespace_path(engine, record.id)),
    ]  # fmt: skip
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
        check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return
    lines = [line for line in done.stdout.decode(errors="replace").splitlines() if line.strip()]
    reason = lines[-1] if lines else "it says nothing"
    raise HostError(
        f"pasta cannot connect container {record.name}: {reason}",
        hint="--network none or host, if this host has no network; it also needs /dev/net/tun",
    )


def arguments(own: list[str], published: list[Published]) -> list[str]:
    """pasta's options: the usual ones, those of --network pasta:OPTIONS, and the ports."""
    words = ["--no-map-gw"] if "--map-gw" not in own else []  # the host's 127.0.0.1 stays its own
    own = [word for word in own if word != "--map-gw"]
    specs = port_words(published)
    for flag, short, value in USUAL:
        given = specs.get(flag, [value])
        asked = any(word in (flag, short) or word.startswith(flag + "=") for word in own)
        if flag in specs or not asked:
            for one in given:
                words += [flag, one]
    return words + own


def port_words(published: list[Published]) -> dict[str, list[str]]:
    """What pasta is told of published ports: {its flag: [[ADDRESS/]PORT:PORT]}."""
    found: dict[str, list[str]] = {}
    for one in published:
        other = ports.EVERYWHERE[4 if ":" in one.address else 6]
        both = one.address in ports.EVERYWHERE.values() and one._replace(address=other) in published
        place = "" if both else one.address + "/"
        words = found.setdefault(f"--{one.protocol}-ports", [])
        word = f"{place}{one.host_port}:{one.port}"
        if word not in words:
            words.append(word)
    return found


def check(network: str) -> None:
    """Raises HostError if pasta is missing, or the caller is root, UsageError for empty options."""
    from hutch.engine.rootless import rootless

    if not rootless():
        raise HostError(
            f"--network {network} is for ordinary users' containers", hint="--network bridge"
        )
    if network == "pasta:":
        raise UsageError(f"--network {shown(network)}: options are missing", hint="--network pasta")
    program()
