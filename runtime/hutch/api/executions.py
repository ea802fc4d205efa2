"""Other programs in running containers: POST /containers/ID/exec, /exec/ID/start.

conmon supervises those at a terminal and those in the background: they outlive the server, and
their exit code is kept (engine/containers/executions). hutch executes all others for this process.
"""

import _socket
import os
import select
import socket
import subprocess
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from hutch.api.call import Call, Execution
from hutch.api.errors import ApiError
from hutch.api.fields import flag, strings, text, whole
from hutch.api.frames import copy_out, kind_of, relay
from hutch.engine.containers.attach import parse_keys
from hutch.engine.containers.stop import require_running
from hutch.engine.errors import Conflict
from hutch.errors import HutchError, NotFound, UsageError

if TYPE_CHECKING:
    from hutch.engine.containers.executions import State, Supervised
    from hutch.engine.containers.places import Places
    from hutch.engine.containers.process import Execution as Wanted
    from hutch.engine.containers.records import Record

READ = 32 << 10
KEPT = 1000  # executions that have ended and can still be asked for


def create(call: Call) -> None:
    """POST /containers/ID/exec"""
    document = call.exchange.document()
    if not strings(document, "Cmd"):
        raise UsageError("No exec command specified")
    parse_keys(text(document, "DetachKeys"))
    record = require_running(call.engine, call.container())
    if record.paused:
        raise Conflict(
            f"Container {record.name} is paused, unpause the container before exec", id=record.id
        )
    one = Execution(os.urandom(32).hex(), record.id, document)
    with call.memory.lock:
        memory = call.memory.executions
        ended = [id for id, old in memory.items() if not old.running]
        for id in ended[: max(0, len(memory) - KEPT)]:
            del memory[id]
        memory[one.id] = one
    call.exchange.json({"Id": one.id}, 201)


def _find(call: Call) -> Execution:
    found = call.memory.executions.get(call.names["id"])
    if found is None:
        raise NotFound(f"No such exec instance: {call.names['id']}")
    return found


def inspect(call: Call) -> None:
    """GET /exec/ID/json: also of one that was begun by the command, or before a restart."""
    from hutch.engine.containers.executions import find

    if call.names["id"] not in call.memory.executions:
        found = find(call.engine, call.names["id"])
        if found is not None:
            call.exchange.json(_supervised(*found))
            return
    one = _find(call)
    document = one.document
    args = strings(document, "Cmd")
    call.exchange.json(
        {
            "ID": one.id, "Running": one.running, "ExitCode": one.exit_code, "Pid": one.pid,
            "ContainerID": one.container, "CanRemove": not one.running and one.started,
            "OpenStdin": flag(document, "AttachStdin"),
            "OpenStdout": flag(document, "AttachStdout"),
            "OpenStderr": flag(document, "AttachStderr"),
            "DetachKeys": text(document, "DetachKeys"),
            "ProcessConfig": {
                "tty": flag(document, "Tty"), "entrypoint": args[0], "arguments": args[1:],
                "privileged": flag(document, "Privileged"), "user": text(document, "User"),
            },
        }
    )  # fmt: skip


def _supervised(record: "Record", state: "State") -> dict[str, object]:
    """The same of what the store knows."""
    wanted, running = state.execution, state.exit_code is None
    return {
        "ID": state.id, "Running": running, "ExitCode": state.exit_code, "Pid": state.pid,
        "ContainerID": record.id, "CanRemove": not running, "OpenStdin": wanted.interactive,
        "OpenStdout": wanted.interactive, "OpenStderr": wanted.interactive, "DetachKeys": "",
        "ProcessConfig": {
            "tty": wanted.tty, "entrypoint": wanted.args[0], "arguments": wanted.args[1:],
            "privileged": wanted.privileged, "user": wanted.user or "",
        },
    }  # fmt: skip


def start(call: Call) -> None:
    """POST /exec/ID/start: the connection becomes the program's streams, unless it is detached."""
    from hutch.engine.containers.executions import begin
    from hutch.engine.containers.process import Execution as Wanted

    one = _find(call)
    body = call.exchange.document()
    document = one.document
    with call.memory.lock:
        if one.started:
            raise ApiError(409, f"exec {one.id} has already been started")
        one.started = True
    detach = flag(body, "Detach")
    wanted = Wanted(
        strings(document, "Cmd"), tty=flag(document, "Tty"),
        interactive=flag(document, "AttachStdin") and not detach,
        privileged=flag(document, "Privileged"), env=strings(document, "Env"),
        user=text(document, "User") or None, workdir=text(document, "WorkingDir") or None,
    )  # fmt: skip
    record = call.engine.records.find(one.container)
    if detach:
        _await(one, begin(call.engine, record, wanted, id=one.id))
        call.exchange.send(200)
    elif wanted.tty:
        _at_terminal(call, one, record, wanted)
    else:
        _at_pipes(call, one, record, wanted)


def _await(one: Execution, begun: "Supervised") -> threading.Thread:
    """A thread that waits for the end of what conmon supervises."""
    one.pid, one.running = begun.pid, True

    def wait() -> None:
        one.exit_code = begun.exit_code()
        one.running = False

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def _at_terminal(call: Call, one: Execution, record: "Record", wanted: "Wanted") -> None:
    """The connection becomes the program's terminal, until the client leaves it."""
    from hutch.engine.containers.attach import connect
    from hutch.engine.containers.exec import ready_for
    from hutch.engine.containers.executions import begin, record_end
    from hutch.engine.errors import StartFailed

    ready_for(call.engine, record)
    client, early = call.exchange.upgrade(kind_of(True, call.version))
    connections: list[_socket.socket] = []

    def attach(places: "Places") -> None:
        one.places = places
        connections.append(connect(places))

    with call.engine.attending(one.id):
        try:
            begun = begin(call.engine, record, wanted, id=one.id, attach=attach)
        except HutchError as error:
            for connection in connections:
                connection.close()
            one.exit_code = error.status if isinstance(error, StartFailed) else 126
            client.sendall(f"{error.sentence}\r\n".encode())
            return
        waiting = _await(one, begun)
        with closing(connections[0]) as connection:
            ended = relay(
                client, early, connection, terminal=True, stdin=wanted.interactive,
                streams={"stdout"}, keys=text(one.document, "DetachKeys"),
            )  # fmt: skip
        if ended:
            waiting.join()
            record_end(call.engine, record, one.id)


def _at_pipes(call: Call, one: Execution, record: "Record", wanted: "Wanted") -> None:
    """The connection becomes the program's three streams."""
    from hutch.engine.containers.exec import command

    line, described = command(call.engine, record, wanted)
    try:
        client, early = call.exchange.upgrade(kind_of(False, call.version))
        streams = _Streams(
            stdin=wanted.interactive, stdout=flag(one.document, "AttachStdout", True),
            stderr=flag(one.document, "AttachStderr", True),
        )  # fmt: skip
        child = _begin(one, line, described, streams)
        streams.carry(client, early)
        child.join()
    finally:
        os.close(described)


class _Streams:
    """Our ends of a program's streams; none is open unless it was asked for."""

    def __init__(self, stdin: bool = False, stdout: bool = False, stderr: bool = False) -> None:
        self.asked = stdin, stdout, stderr
        self.input: int | None = None
        self.outputs: list[tuple[str, int]] = []

    def carry(self, client: socket.socket, early: bytes) -> None:
        """Carries all streams until the program's output ends, then closes our ends."""
        turn = threading.Lock()
        threads = [
            threading.Thread(
                target=copy_out, args=(lambda fd=fd: os.read(fd, READ), client, name, turn)
            )
            for name, fd in self.outputs
        ]
        for thread in threads:
            thread.start()
        ended_r, ended_w = os.pipe()
        feeding = threading.Thread(target=self._feed, args=(client, early, ended_r))
        feeding.start()
        for thread in threads:
            thread.join()
        os.close(ended_w)
        feeding.join()
        os.close(ended_r)
        for _, fd in self.outputs:
            os.close(fd)

    def _feed(self, client: socket.socket, data: bytes, ended: int) -> None:
        """The client's bytes to the program, until the program's output has ended."""
        poll = select.poll()
        poll.register(client, select.POLLIN)
        poll.register(ended, 0)
        while True:
            if data and self.input is not None and not _write(self.input, data):
                break
            data = b""
            ready = poll.poll()
            if any(number == ended for number, _ in ready):
                break
            try:
                data = client.recv(READ)
            except OSError:
                data = b""
            if not data:
                break
        if self.input is not None:
            os.close(self.input)
            self.input = None


def _write(fd: int, data: bytes) -> bool:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        return False
    return True


def _begin(one: Execution, line: list[str], described: int, streams: _Streams) -> threading.Thread:
    """Starts hutch, and a thread that waits for its end."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    theirs = [null, null, null]
    close = [null]
    for place, (name, asked) in enumerate(
        zip(("stdin", "stdout", "stderr"), streams.asked, strict=True)
    ):
        if not asked:
            continue
        read, write = os.pipe()
        if name == "stdin":
            streams.input, theirs[place] = write, read
        else:
            streams.outputs.append((name, read))
            theirs[place] = write
        close.append(theirs[place])
    child = subprocess.Popen(
        line, stdin=theirs[0], stdout=theirs[1], stderr=theirs[2], pass_fds=(described,),
        start_new_session=True, cwd="/",
    )  # fmt: skip
    for fd in close:
        os.close(fd)
    one.pid, one.running = child.pid, True

    def wait() -> None:
        code = child.wait()
        one.exit_code = code if code >= 0 else 128 - code
        one.running = False

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def resize(call: Call) -> None:
    """POST /exec/ID/resize?h=&w="""
    from hutch.engine.containers.attach import resize as set_size

    one = _find(call)
    height, width = whole(call.query, "h", 0), whole(call.query, "w", 0)
    if not 0 <= height <= 0xFFFF or not 0 <= width <= 0xFFFF:
        raise UsageError("h and w are lines and columns")
    if one.places is not None:
        set_size(one.places, height, width)
    call.exchange.send(200)
