"""The walls of a sandbox: what a hostile program cannot do, and what it could do without each."""

import os
import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.containers import reachable
from tests.support.sandboxes import Sandboxes

pytestmark = pytest.mark.root
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def test_no_network(sandbox: Sandboxes) -> None:
    """A server on the host's loopback is reached with network=True only."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        port = server.getsockname()[1]
        attack = f"nc 127.0.0.1 {port} </dev/null && echo reached; ls /sys/class/net"
        closed = sandbox(attack)
        assert "reached" not in closed.text
        assert closed.text.split() == ["lo"]
        (sandbox.rootfs / "etc" / "resolv.conf").touch()
        reached = sandbox(attack + "; cat /etc/resolv.conf", network=True)
        assert reached.text.startswith("reached\n")
        if Path("/etc/resolv.conf").is_file():
            assert Path("/etc/resolv.conf").read_text() in reached.text


def test_the_root_file_system_is_not_written(sandbox: Sandboxes) -> None:
    """Not even by root; the control is a directory that is mounted to be written."""
    attack = "echo evil > /etc/passwd; echo evil > /bin/evil; rm /bin/id; chmod 777 /etc; ls /bin"
    before = (sandbox.rootfs / "etc" / "passwd").read_text()
    assert "evil" in sandbox(attack, user=0).text
    assert (sandbox.rootfs / "etc" / "passwd").read_text() == before
    assert (sandbox.rootfs / "bin" / "id").is_symlink()
    assert not (sandbox.rootfs / "bin" / "evil").exists()
    assert stat.S_IMODE((sandbox.rootfs / "etc").stat().st_mode) != 0o777
    sandbox("echo evil > /out/passwd", user=0, writable_mounts={"/out": sandbox.rootfs / "etc"})
    assert (sandbox.rootfs / "etc" / "passwd").read_text() == "evil\n"


def test_the_program_is_not_root(sandbox: Sandboxes) -> None:
    (sandbox.rootfs / "etc" / "secret").write_text("secret\n")
    (sandbox.rootfs / "etc" / "secret").chmod(0o600)
    attack = "id -u; cat /etc/secret; touch /new && echo made"
    assert sandbox(attack).text == "65534\n"
    assert sandbox(attack, user=0).text == "0\nsecret\nmade\n"


def test_no_capabilities(sandbox: Sandboxes) -> None:
    """Root has none either: he cannot read what is another's."""
    show = "sed -n 's/^Cap.*:\\t//p' /proc/self/status"
    for user in (None, 0):
        assert set(sandbox(show, user=user).text.split()) == {"0" * 16}
    (sandbox.rootfs / "guests").write_text("guest's\n")
    os.chown(sandbox.rootfs / "guests", 1000, 1000)
    (sandbox.rootfs / "guests").chmod(0o600)
    attack = "cat /guests; chown 1 /tmp && echo given; mount -t tmpfs x /tmp && echo mounted"
    assert sandbox(attack, user=0).text == ""
    control = subprocess.run(
        ["chroot", sandbox.rootfs, "/bin/cat", "/guests"], capture_output=True, text=True
    )
    assert control.stdout == "guest's\n"


def test_no_new_privileges(sandbox: Sandboxes, tmp_path: Path) -> None:
    """A setuid program of the image does not make its user root."""
    program = sandbox.rootfs / "bin" / "who"
    source = '#include <stdio.h>\n#include <unistd.h>\nint main() { printf("%d", geteuid()); }'
    subprocess.run(
        ["gcc", "-static", "-x", "c", "-", "-o", program], input=source, text=True, check=True
    )
    program.chmod(0o4755)
    assert sandbox("/bin/who; grep NoNewPrivs /proc/self/status").text == "65534NoNewPrivs:\t1\n"
    reachable(program.parent)
    control = subprocess.run([*NOBODY, program], capture_output=True, text=True)
    assert control.stdout == "0"


def test_the_seccomp_profile(sandbox: Sandboxes) -> None:
    """An ordinary user may make a user namespace, which opens much of the kernel to him."""
    assert "made" not in sandbox("unshare -U echo made").text
    assert sandbox("grep Seccomp: /proc/self/status").text.split() == ["Seccomp:", "2"]
    control = subprocess.run(
        [*NOBODY, "unshare", "-U", "echo", "made"], capture_output=True, text=True, cwd="/"
    )
    assert control.stdout == "made\n"


def test_masked_and_read_only_paths(sandbox: Sandboxes) -> None:
    attack = (
        "for file in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do"
        " cat $file | head -c 20; done; ls /sys/firmware; echo 1 > /proc/sys/vm/drop_caches"
    )
    result = sandbox(attack, user=0)
    assert result.stdout == b""
    assert b"drop_caches: Read-only file system" in result.stderr
    assert len(Path("/proc/timer_list").read_bytes()) > 20


def test_no_processes_of_the_host_are_seen(sandbox: Sandboxes) -> None:
    result = sandbox("cat /proc/[0-9]*/comm; ls /proc/1/fd /proc/1/root/")
    assert result.text.split()[:2] == ["hutch-init", "sh"]
    assert result.stderr.count(b"Permission denied") == 2


def test_the_first_process_cannot_be_ended_or_traced(sandbox: Sandboxes) -> None:
    """It is the one that sees the end of the caller; it runs as the same user."""
    attack = (
        "for s in TERM HUP INT QUIT KILL STOP SEGV; do kill -$s 1; done; echo $?; cat /proc/1/maps"
    )
    result = sandbox(attack)
    assert result.text == "0\n"
    assert result.exit_code == 1
    assert b"'/proc/1/maps': Permission denied" in result.stderr


def test_no_descriptor_of_the_caller_is_inherited(sandbox: Sandboxes) -> None:
    reading, writing = os.pipe()
    try:
        os.set_inheritable(writing, True)
        assert sandbox("ls /proc/self/fd").text.split() == ["0", "1", "2", "3"]
    finally:
        os.close(reading)
        os.close(writing)


def test_s60_files_stay_in_the_sandbox(sandbox: Sandboxes, tmp_path: Path) -> None:
    """A program leaves links where files will be put and read."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("of the host\n")
    with sandbox.staying() as box:
        box.run(
            ["sh", "-c", f"ln -s {outside} /tmp/d; ln -s {outside}/secret /tmp/s; mkfifo /tmp/f"]
        )
        with pytest.raises(Exception, match="sandbox"):
            box.get("/tmp/s")
        with pytest.raises(Exception, match="sandbox"):
            box.get("/tmp/d/secret")
        with pytest.raises(Exception, match="not a regular file"):
            box.get("/tmp/f")
        with pytest.raises(Exception, match="sandbox"):
            box.put({"/tmp/d/new": "x"})
        box.put({"/tmp/s": "x", "/tmp/f": "y"})
        assert box.get("/tmp/s") == b"x"
        assert box.run(["sh", "-c", "cat /tmp/f"]).text == "y"
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_text() == "of the host\n"
