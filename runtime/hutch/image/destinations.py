"""Where an image can be copied to besides registries: files and folders, and the engines of this
machine.

    oci:FOLDER[:NAME]  oci-archive:FILE[:NAME]  docker-archive:FILE[:NAME]
    docker-daemon:[NAME]        POST /images/load of Docker's Engine API, at $DOCKER_HOST
    containers-storage:[NAME]   podman load; buildah, skopeo and CRI-O use the same storage
    containerd:[NAME]           ctr images import, with $CONTAINERD_ADDRESS and _NAMESPACE

The engines get the archive of ``save``, which all of them read. It is sent while it is made.
"""

import http.client
import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable
from typing import IO

from hutch.errors import KernelError, UsageError, shown
from hutch.image.catalog import Named
from hutch.image.errors import ImageError
from hutch.image.reference import HUB, Reference
from hutch.image.save import replacing, save, write_layout
from hutch.image.store import Store
from hutch.image.transports import split_place

PLACES = ("oci", "oci-archive", "docker-archive")
DOCKER = "unix:///var/run/docker.sock"
LONGEST = 1 << 20  # bytes of Docker's answer


def is_destination(text: str) -> bool:
    """Whether the target of a push is one of these, and not a name in a registry."""
    transport, colon, rest = text.partition(":")
    return bool(colon) and (transport in _ENGINES or (transport in PLACES and bool(rest)))


def copy(store: Store, image: Named, target: str) -> str:
    """Copies the image; returns the target with the complete name. Raises UsageError, ImageError,
    KernelError."""
    transport, _, name = target.partition(":")
    if transport in _ENGINES:
        full = _full_name(name or image.name, target)
        _ENGINES[transport](lambda output: save(store, [Named(image.record, full)], output))
        return f"{transport}:{full}"
    _, path, name = split_place(target)
    # A name in a layout may be any text, such as a tag alone, and is found by this text.
    own = name and transport != "docker-archive"
    full = name if own else _full_name(name or image.name, target)
    try:
        if transport == "oci":
            write_layout(store, [Named(image.record, full)], path)
        else:
            with replacing(path) as file:
                save(store, [Named(image.record, full)], file)
    except OSError as error:
        raise KernelError(f"write {shown(str(path))}", "write", error.errno) from None
    return f"{transport}:{path}:{full}"


def _full_name(name: str, target: str) -> str:
    """A complete name with a tag. As for Docker, podman and containerd, a short name is one of
    docker.io."""
    reference = Reference.parse(name) if name else None
    if reference is None or reference.digest:
        raise UsageError(f"{shown(target)}: an image without a tag needs a name there")
    return str((reference if reference.registry else reference.completed(HUB)).tagged())


class _Docker(http.client.HTTPConnection):
    """A connection to Docker's Engine API, whose ``write`` sends a part of a body in chunks."""

    def __init__(self, address: str) -> None:
        super().__init__("docker")
        self.path = address.removeprefix("unix://")
        if not address.startswith("unix://"):
            raise UsageError(
                f"DOCKER_HOST is {shown(address)}, which is no unix socket",
                hint="warren save IMAGE | docker load",
            )

    def connect(self) -> None:
        """Connects to the unix socket. Raises KernelError."""
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.connect(self.path)
        except OSError as error:
            raise KernelError(
                f"connect to Docker at {shown(self.path)}", "connect", error.errno,
                hint="DOCKER_HOST names another socket",
            ) from None  # fmt: skip

    def write(self, data: bytes) -> int:
        """Sends a part of the body."""
        if data:
            self.send(b"%x\r\n%s\r\n" % (len(data), data))
        return len(data)

    def flush(self) -> None:
        """Sends the end of the body."""
        self.send(b"0\r\n\r\n")


def _to_docker(write: Callable[[IO[bytes]], None]) -> None:
    docker = _Docker(os.environ.get("DOCKER_HOST") or DOCKER)
    docker.putrequest("POST", "/images/load?quiet=1")
    docker.putheader("Content-Type", "application/x-tar")
    docker.putheader("Transfer-Encoding", "chunked")
    docker.endheaders()
    try:
        write(docker)  # type: ignore[arg-type] # save only writes and flushes
    except (BrokenPipeError, ConnectionResetError):
        pass  # its answer says why
    try:
        response = docker.getresponse()
        text = response.read(LONGEST).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise ImageError(f"Docker closed the connection: {error}") from None
    finally:
        docker.close()
    if said := _docker_error(text, response.status):
        raise ImageError(f"Docker does not take the image: {shown(said)}")


def _docker_error(text: str, status: int) -> str:
    """The error in the lines of JSON that Docker sends; "" if there is none."""
    for line in text.splitlines():
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if isinstance(document, dict) and (said := document.get("error")):
            return str(said)
        if isinstance(document, dict) and status != 200 and (said := document.get("message")):
            return str(said)
    return "" if status == 200 else f"status {status}"


def _to_program(*words: str) -> Callable[[Callable[[IO[bytes]], None]], None]:
    """A function that gives the archive to a program's standard input."""

    def run(write: Callable[[IO[bytes]], None]) -> None:
        with tempfile.TemporaryFile() as output:
            try:
                program = subprocess.Popen(
                    words, stdin=subprocess.PIPE, stdout=output, stderr=output
                )
            except OSError as error:
                raise KernelError(f"run {words[0]}", "execve", error.errno) from None
            assert program.stdin
            try:
                with program.stdin as stdin:
                    write(stdin)
            except BrokenPipeError:
                pass  # its message says why
            except BaseException:
                program.kill()
                program.wait()
                raise
            if program.wait() != 0:
                output.seek(0)
                said = " ".join(output.read(LONGEST).decode(errors="replace").split())
                raise ImageError(f"{' '.join(words)}: {said[-500:]}")

    return run


_ENGINES: dict[str, Callable[[Callable[[IO[bytes]], None]], None]] = {
    "docker-daemon": _to_docker,
    "containers-storage": _to_program("podman", "load", "--quiet"),
    "containerd": _to_program("ctr", "images", "import", "-"),
}
