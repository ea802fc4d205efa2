"""Terminals: the caller's terminal, and a new one that is sent over the console socket."""

import array
import fcntl
import json
import os
import pty
import select
import socket
import struct
import termios
import threading
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


class Screen:
    """A command on a terminal of the test, and its output."""

    def __init__(self, *words: str, rows: int = 33, columns: int = 77) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(words[0], words)
        self.resize(rows, columns)
        self.text = ""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def read(self) -> bool:
        """Reads more output. False at its end."""
        ready, _, _ = select.select([self.fd], [], [], 30)
        assert ready, self.text
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            return False
        self.text += data.decode()
        return bool(data)

    def expect(self, text: str) -> None:
        while text not in self.text:
            assert self.read(), self.text

    def end(self) -> int:
        while self.read():
            pass
        os.close(self.fd)
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def screen(hutch: Runtime, *words: str) -> Screen:
    return Screen(hutch.command, "--root", str(hutch.root), *words)


@pytest.fixture
def terminal(bundle: Bundle) -> Bundle:
    """The bundle, with a terminal."""
    return bundle.change(lambda config: config["process"].update(terminal=True))


def test_run_gives_a_terminal_of_the_containers_own(hutch: Runtime, terminal: Bundle) -> None:
    terminal.sh(
        "tty; (for n in 0 1 2; do readlink /proc/$$/fd/$n; done) | grep -c pts/0;"
        "stat -c '%F %u' /dev/console; exit 7"
    )
    shown = screen(hutch, "run", "-b", str(terminal.path), "test")
    assert shown.end() == 7
    assert shown.text.split()[:2] == ["/dev/pts/0", "3"]
    assert "character special file 0" in shown.text


def test_what_is_typed_arrives_and_keys_make_signals_inside(
    hutch: Runtime, terminal: Bundle
) -> None:
    terminal.sh(
        "trap 'echo int; exit 3' INT; echo ready; read line; echo got $line; echo again;"
        "while :; do usleep 10000; done"
    )
    shown = screen(hutch, "run", "-b", str(terminal.path), "test")
    shown.expect("ready")
    shown.type("hello\r")
    shown.expect("got hello")
    shown.expect("again")
    shown.type("\x03")
    assert shown.end() == 3
    assert "int" in shown.text


def test_the_size_is_the_callers_and_follows_it(hutch: Runtime, terminal: Bundle) -> None:
    terminal.sh(
        "trap 'stty size; exit' WINCH; stty size; echo ready; while :; do usleep 10000; done"
    )
    shown = Screen(
        "/bin/sh", "-c", 'read sized; exec "$@"', "sh",
        hutch.command, "--root", str(hutch.root), "run", "-b", str(terminal.path), "test",
    )  # fmt: skip
    shown.type("\r")
    shown.expect("ready")
    assert "33 77" in shown.text
    shown.resize(44, 99)
    shown.expect("44 99")
    assert shown.end() == 0


def test_the_callers_terminal_is_as_it_was_afterwards(hutch: Runtime, terminal: Bundle) -> None:
    words = [hutch.command, "--root", str(hutch.root), "run", "-b", str(terminal.path), "test"]
    shown = Screen(
        "/bin/sh", "-c", 'stty -a > $0.1; "$@"; stty -a > $0.2', str(terminal.path / "s"), *words
    )
    assert shown.end() == 0
    before, after = [(terminal.path / f"s.{number}").read_text() for number in (1, 2)]
    assert before == after
    assert "-echo " not in after


def test_exec_with_a_terminal_works_likewise(hutch: Runtime, sleeper: str) -> None:
    shown = screen(hutch, "exec", "--tty", sleeper, "sh", "-c", "tty; read x; echo got $x; exit 5")
    shown.expect("/dev/pts/0")
    shown.type("this\r")
    assert shown.end() == 5
    assert "got this" in shown.text


def test_run_with_a_terminal_but_no_terminal_of_the_caller(
    hutch: Runtime, terminal: Bundle
) -> None:
    terminal.sh("tty; cat")
    done = hutch("run", "-b", str(terminal.path), "test")
    assert done.out.split()[0] == "/dev/pts/0"


# A shell sets the terminal's mode, which may flush away the end of its input or make a NUL of it.
@pytest.mark.parametrize("words", [["sh"], ["sh", "-c", "stty raw; stty sane; cat; cat"]])
def test_a_run_whose_input_is_at_its_end_ends(
    hutch: Runtime, terminal: Bundle, words: list[str]
) -> None:
    terminal.args(*words)
    for number in range(20):
        hutch("run", "-b", str(terminal.for_id(str(number)).path), f"test{number}", timeout=20)


@pytest.mark.parametrize(("given", "shown"), [(b"abc", "abcabc"), (b"abc\n", "abc\nabc\n")])
def test_the_end_of_the_input_in_or_after_a_line_ends_a_reader(
    hutch: Runtime, sleeper: str, tmp_path: Path, given: bytes, shown: str
) -> None:
    (tmp_path / "given").write_bytes(given)
    for _ in range(20):
        with (tmp_path / "given").open() as file:
            done = hutch("exec", "-t", sleeper, "cat", stdin=file, timeout=20)
        # The terminal echoes the input; a line feed is not changed, as with runc.
        assert done.out == shown


def test_more_input_than_a_terminal_holds_goes_through(
    hutch: Runtime, sleeper: str, tmp_path: Path
) -> None:
    (tmp_path / "given").write_text("y\n" * 500_000)
    with (tmp_path / "given").open() as file:
        done = hutch("exec", "-t", sleeper, "tr", "y", "z", stdin=file, timeout=50)
    # If its buffer is full, a terminal drops a part of its echo (n_tty), but not of the output.
    assert done.out.count("z") == 500_000


class Console:
    """A console socket, on which an engine listens."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        self.path = str(path)
        self.messages: list[tuple[bytes, list[int]]] = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        connection, _ = self.socket.accept()
        data, control, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(64))
        fds = array.array("i")
        for _, _, payload in control:
            fds.frombytes(payload)
        self.messages.append((data, list(fds)))

    def master(self) -> int:
        self.thread.join(30)
        ((data, fds),) = self.messages
        assert 0 < len(data) < 4096
        (fd,) = fds
        return fd


def read_all(fd: int) -> str:
    text = b""
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            return text.decode()
        if not data:
            return text.decode()
        text += data


@pytest.mark.parametrize("verb", ["create", "run", "seccomp record"])
def test_the_console_socket_gets_the_master(
    hutch: Runtime, terminal: Bundle, tmp_path: Path, verb: str
) -> None:
    terminal.config["process"]["consoleSize"] = {"height": 12, "width": 34}
    terminal.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    terminal.sh("stty size; stat -c '%u %g' $(tty); echo end")
    console = Console(tmp_path / "console")
    words = ["--console-socket", console.path, "-b", str(terminal.path), "test"]
    if verb == "create":
        hutch("create", *words)
        master = console.master()
        hutch("start", "test")
    else:
        record = [] if verb == "run" else ["-o", str(tmp_path / "profile.json")]
        hutch(*verb.split(), *record, "--detach", *words)
        master = console.master()
    assert read_all(master).split() == ["12", "34", "1000", "5", "end"]
    os.close(master)


def test_exec_detached_sends_its_terminal_too(hutch: Runtime, sleeper: str, tmp_path: Path) -> None:
    console = Console(tmp_path / "console")
    hutch(
        "exec", "-d", "-t", "--console-socket", console.path, sleeper, "sh", "-c", "tty; echo end"
    )
    assert read_all(console.master()).split() == ["/dev/pts/0", "end"]
    process = {"args": ["tty"], "cwd": "/", "terminal": True, "env": ["PATH=/bin"],
               "consoleSize": {"height": 5, "width": 6}, "user": {"uid": 0, "gid": 0}}  # fmt: skip
    (tmp_path / "process.json").write_text(json.dumps(process))
    console = Console(tmp_path / "console2")
    hutch(
        "exec",
        "-d",
        "--console-socket",
        console.path,
        "-p",
        str(tmp_path / "process.json"),
        sleeper,
    )
    assert read_all(console.master()).startswith("/dev/pts/")


def test_a_console_socket_where_nobody_listens_undoes_the_create(
    hutch: Runtime, terminal: Bundle
) -> None:
    error = hutch.refuses(
        "create", "--console-socket", "/nowhere/s", "-b", str(terminal.path), "test"
    )
    assert "/nowhere/s" in error
    assert hutch.ids() == []


def test_a_terminal_without_devpts_says_what_is_missing(hutch: Runtime, terminal: Bundle) -> None:
    terminal.config["mounts"] = [m for m in terminal.config["mounts"] if m["type"] != "devpts"]
    terminal.save()
    error = hutch.refuses("run", "-b", str(terminal.path), "test")
    assert "process.terminal" in error
    assert "devpts" in error


def test_the_end_of_the_callers_terminal_ends_the_container(
    hutch: Runtime, terminal: Bundle
) -> None:
    terminal.sh("trap exit HUP; echo ready; while :; do usleep 10000; done")
    shown = screen(hutch, "run", "-b", str(terminal.path), "test")
    shown.expect("ready")
    os.close(shown.fd)
    os.waitpid(shown.pid, 0)
    assert hutch.ids() == []
