"""Tar archives of what is in containers: export, and Docker's cp."""

import base64
import json
import os
import stat as modes
import threading
from collections.abc import Callable, Iterable
from typing import IO

from hutch.api.call import Call
from hutch.api.errors import ApiError
from hutch.api.fields import yes
from hutch.api.http import Exchange, Gone
from hutch.engine.containers.copy import PathStatus, archive_in, archive_out, path_status
from hutch.engine.containers.copy import export as write_all
from hutch.engine.containers.listing import rfc3339
from hutch.engine.containers.records import Record
from hutch.errors import HutchError, UsageError

READ = 64 << 10
# The bits of Go's FileMode above the permissions.
GO_MODES = {
    modes.S_IFDIR: 1 << 31, modes.S_IFLNK: 1 << 27, modes.S_IFBLK: 1 << 26,
    modes.S_IFIFO: 1 << 25, modes.S_IFSOCK: 1 << 24, modes.S_IFCHR: 1 << 26 | 1 << 21,
}  # fmt: skip
GO_BITS = {modes.S_ISUID: 1 << 23, modes.S_ISGID: 1 << 22, modes.S_ISVTX: 1 << 20}
TAR = "application/x-tar"


def send_written(
    exchange: Exchange,
    kind: str,
    write: Callable[[IO[bytes]], None],
    headers: dict[str, str] | None = None,
) -> None:
    """Sends what ``write`` writes to a file. The reply begins with its first byte, so what fails
    before is an error of its own."""
    read_end, write_end = os.pipe()
    lost: list[Gone] = []

    def forward() -> None:
        with os.fdopen(read_end, "rb", buffering=0) as source:
            try:
                while data := source.read(READ):
                    if not exchange.begun:
                        exchange.begin(kind, headers)
                    exchange.write(data)
            except Gone as error:
                lost.append(error)  # and the writer gets EPIPE

    thread = threading.Thread(target=forward)
    thread.start()
    try:
        with os.fdopen(write_end, "wb") as output:
            write(output)
    except (OSError, HutchError):
        thread.join()
        if lost:
            raise lost[0] from None
        raise
    finally:
        thread.join()
    if lost:
        raise lost[0]
    if not exchange.begun:
        exchange.begin(kind, headers)
    exchange.end()


def with_body(chunks: Iterable[bytes], read: Callable[[IO[bytes]], None]) -> None:
    """Has ``read`` read a request's body from a file; a body that is cut off ends the file."""
    read_end, write_end = os.pipe()
    lost: list[BaseException] = []

    def forward() -> None:
        try:
            with os.fdopen(write_end, "wb", buffering=0) as output:
                for chunk in chunks:
                    output.write(chunk)
        except BrokenPipeError:
            return
        except Gone as error:
            lost.append(error)

    thread = threading.Thread(target=forward)
    thread.start()
    try:
        with os.fdopen(read_end, "rb") as source:
            read(source)
    finally:
        thread.join()
    if lost:
        raise lost[0]


def export(call: Call) -> None:
    """GET /containers/ID/export"""
    record = call.container()
    call.engine.events.of(record, "export")
    send_written(
        call.exchange,
        "application/octet-stream",
        lambda output: write_all(call.engine, record, output),
    )


def _wanted(call: Call) -> str:
    path = call.query.get("path", "")
    if not path:
        raise UsageError("path: it names what is wanted in the container")
    return path


def _found(call: Call, record: Record, path: str) -> PathStatus:
    try:
        return path_status(call.engine, record, path)
    except UsageError:
        raise ApiError(404, f"Could not find the file {path} in container {record.name}") from None


def described(found: PathStatus) -> dict[str, str]:
    """The header that says what is at a path."""
    status = found.status
    mode = status.st_mode & 0o777 | GO_MODES.get(modes.S_IFMT(status.st_mode), 0)
    for bit, go in GO_BITS.items():
        mode |= go if status.st_mode & bit else 0
    document = {
        "name": found.name, "size": status.st_size, "mode": mode,
        "mtime": rfc3339(status.st_mtime), "linkTarget": found.target,
    }  # fmt: skip
    text = base64.b64encode(json.dumps(document).encode()).decode()
    return {"X-Docker-Container-Path-Stat": text}


def stat(call: Call) -> None:
    """HEAD /containers/ID/archive?path="""
    found = _found(call, call.container(), _wanted(call))
    call.exchange.send(200, headers=described(found))


def get(call: Call) -> None:
    """GET /containers/ID/archive?path="""
    record, path = call.container(), _wanted(call)
    headers = described(_found(call, record, path))
    send_written(
        call.exchange, TAR, lambda output: archive_out(call.engine, record, path, output), headers
    )


def put(call: Call) -> None:
    """PUT /containers/ID/archive?path=&noOverwriteDirNonDir=&copyUIDGID="""
    record, path = call.container(), _wanted(call)
    found = _found(call, record, path + "/.")
    if not modes.S_ISDIR(found.status.st_mode):
        raise UsageError(f"{path} is no folder")
    owners = yes(call.query, "copyUIDGID")
    with_body(
        call.exchange.chunks(),
        lambda source: archive_in(call.engine, record, path, source, owners=owners),
    )
    call.exchange.send(200)
