"""Other programs in running containers: POST /containers/ID/exec, /exec/ID/start."""

import os
import select
import signal
import socket
import struct
import subprocess
import threading

from hutch.api.call import Call, Execution
from hutch.api.errors import ApiError
from hutch.api.fields import flag, strings, text, whole
from hutch.api.frames import copy_out, kind_of
from hutch.engine.containers.stop import require_running
from hutch.errors import NotFound, UsageError

READ = 32 << 10
KEPT = 1000  # executions that have ended and can still be asked for


def create(call: Call) -> None:
    """POST /containers/ID/exec"""
    document = call.exchange.document()
    if not strings(document, "Cmd"):
        raise UsageError("No exec command specified")
    record = require_running(call.engine, call.container())
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
    """GET /exec/ID/json"""
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
            "DetachKeys": "",
            "ProcessConfig": {
                "tty": flag(document, "Tty"), "entrypoint": args[0], "arguments": args[1:],
                "privileged": flag(document, "Privileged"), "user": text(document, "User"),
            },
        }
    )  # fmt: skip


def start(call: Call) -> None:
    """POST /exec/ID/start: the connection becomes the program's streams, unless it is detached."""
    from hutch.engine.containers import process
    from hutch.engine.containers.exec import command

    one = _find(call)
    body = call.exchange.document()
    document = one.document
    with call.memory.lock:
        if one.started:
            raise ApiError(409, f"exec {one.id} has already been started")
        one.started = True
    detach = flag(body, "Detach")
    tty = flag(document, "Tty") and not detach  # nobody would read the terminal
    wanted = process.Execution(
        strings(document, "Cmd"), tty=tty, interactive=flag(document, "AttachStdin"),
        privileged=flag(document, "Privileged"), env=strings(document, "Env"),
        user=text(document, "User") or None, workdir=text(document, "WorkingDir") or None,
    )  # fmt: skip
    line, described = command(call.engine, call.engine.records.find(one.container), wanted)
    try:
        if detach:
            _begin(one, line, described, tty, _Streams())
            call.exchange.send(200)
            return
        client, early = call.exchange.upgrade(kind_of(tty, call.version))
        streams = _Streams(
            stdin=wanted.interactive, stdout=flag(document, "AttachStdout", True),
            stderr=flag(document, "AttachStderr", True),
        )  # fmt: skip
        child = _begin(one, line, described, tty, streams)
        streams.carry(client, early, tty)
        child.join()
    finally:
        os.close(described)
        if one.terminal >= 0:
            master, one.terminal = one.terminal, -1
            os.close(master)


class _Streams:
    """Our ends of a program's streams; none is open unless it was asked for."""

    def __init__(self, stdin: bool = False, stdout: bool = False, stderr: bool = False) -> None:
        self.asked = stdin, stdout, stderr
        self.input: int | None = None
        self.outputs: list[tuple[str, int]] = []

    def carry(self, client: socket.socket, early: bytes, terminal: bool) -> None:
        """Carries all streams until the program's output ends, then closes our ends."""
        threads = [
            threading.Thread(
                target=copy_out, args=(lambda fd=fd: _read(fd), client, name, terminal)
            )
            for name, fd in self.outputs
        ]
        for thread in threads:
            thread.start()
        ended_r, ended_w = os.pipe()
        feeding = threading.Thread(target=self._feed, args=(client, early, ended_r, terminal))
        feeding.start()
        for thread in threads:
            thread.join()
        os.close(ended_w)
        feeding.join()
        os.close(ended_r)
        for _, fd in self.outputs:
            if fd != self.input:
                os.close(fd)

    def _feed(self, client: socket.socket, data: bytes, ended: int, terminal: bool) -> None:
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
        if self.input is not None and not terminal:
            os.close(self.input)
            self.input = None


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, READ)
    except OSError:  # EIO: the last program has left the terminal
        return b""


def _write(fd: int, data: bytes) -> bool:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        return False
    return True


def _begin(
    one: Execution, line: list[str], described: int, tty: bool, streams: _Streams
) -> threading.Thread:
    """Starts hutch, and a thread that waits for its end."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    theirs = [null, null, null]
    close = [null]
    if tty:
        master, slave = os.openpty()
        one.terminal = master
        theirs, close = [slave, slave, slave], [null, slave]
        streams.input, streams.outputs = master, [("stdout", master)]
    else:
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
    import fcntl
    import termios

    one = _find(call)
    height, width = whole(call.query, "h", 0), whole(call.query, "w", 0)
    if not 0 <= height <= 0xFFFF or not 0 <= width <= 0xFFFF:
        raise UsageError("h and w are lines and columns")
    if one.running and one.terminal >= 0:
        fcntl.ioctl(one.terminal, termios.TIOCSWINSZ, struct.pack("4H", height, width, 0, 0))
        # hutch has no controlling terminal that would tell it.
        os.kill(one.pid, signal.SIGWINCH)
    call.exchange.send(200)
