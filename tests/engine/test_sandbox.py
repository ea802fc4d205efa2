"""hutch.run: each argument and each field of the result."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import hutch
import pytest

from conformance.samples.images import Image, Layer
from tests.support.engines import busybox_layer, make_image
from tests.support.sandboxes import Sandboxes

pytestmark = pytest.mark.root


def test_the_result(sandbox: Sandboxes) -> None:
    result = sandbox("echo out; echo err >&2; exit 3")
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"out\n", b"err\n")
    assert (result.signal, result.timed_out, result.oom_killed, result.truncated) == (
        0, False, False, False,
    )  # fmt: skip
    assert not result.ok
    assert result.text == "out\n"
    assert sandbox(["true"]).ok


def test_a_signal(sandbox: Sandboxes) -> None:
    """The program is not the first process of its pid namespace, so signals end it as usual."""
    result = sandbox("kill -TERM $$")
    assert (result.exit_code, result.signal) == (143, 15)
    assert sandbox("exit 143").signal == 0


def test_the_usage(sandbox: Sandboxes) -> None:
    script = "i=0; while [ $i -lt 60000 ]; do i=$((i + 1)); done; sleep 0.2"
    usage = sandbox(script).usage
    assert usage.wall > 0.2
    assert 0 < usage.user + usage.system < usage.wall * (os.cpu_count() or 1) + 1
    assert usage.user > 0.01
    eater = "x=$(dd if=/dev/zero bs=1M count=16 2>/dev/null | tr '\\0' a)"
    assert sandbox(eater).usage.memory > usage.memory + (12 << 20)


def test_input_and_output_at_once(sandbox: Sandboxes) -> None:
    """More than pipes hold, in both directions and on both streams: nobody waits for nobody."""
    data = os.urandom(1 << 20)
    result = sandbox("tee /dev/stderr", input=data)
    assert result.stdout == data
    assert result.stderr == data
    assert sandbox(["cat"], input="text: ä").text == "text: ä"
    assert sandbox(["cat"]).stdout == b""
    assert sandbox(["true"], input=data).ok  # nobody reads it
    assert sandbox("exec <&-; sleep 0.1; echo on", input=data).text == "on\n"


def test_output_is_bounded(sandbox: Sandboxes) -> None:
    result = sandbox("yes | head -c 300000", max_output=1000)
    assert len(result.stdout) == 1000
    assert result.truncated
    assert result.exit_code == 0
    assert not sandbox("printf 1234", max_output=4).truncated
    assert sandbox("printf 12345", max_output=4).stdout == b"1234"


def test_output_as_it_comes(sandbox: Sandboxes, tmp_path: Path) -> None:
    """The program goes on only when its first line has been seen."""
    (tmp_path / "signs").mkdir()
    pieces: list[tuple[str, bytes]] = []

    def told(name: str, data: bytes) -> None:
        pieces.append((name, data))
        (tmp_path / "signs" / "seen").touch()

    result = sandbox(
        "echo a; while [ ! -e /signs/seen ]; do sleep 0.01; done; echo b >&2",
        on_output=told, mounts={"/signs": tmp_path / "signs"},
    )  # fmt: skip
    assert pieces == [("stdout", b"a\n"), ("stderr", b"b\n")]
    assert (result.stdout, result.stderr) == (b"a\n", b"b\n")


def test_an_error_of_the_callback_ends_the_container(sandbox: Sandboxes) -> None:
    def told(name: str, data: bytes) -> None:
        raise ValueError(name)

    with pytest.raises(ValueError, match="stdout"):
        sandbox("echo a; sleep 1000", on_output=told)


def test_env_workdir_and_user(sandbox: Sandboxes) -> None:
    show = "echo $A $HOME; pwd; id -u; id -g"
    assert sandbox(show).text.split() == ["/tmp", "/", "65534", "65534"]
    result = sandbox(show, env={"A": "b c"}, workdir="/var", user="guest")
    assert result.text.splitlines() == ["b c /tmp", "/var", "1000", "1000"]
    assert sandbox(show, user="7:8").text.split() == ["/", "/", "7", "8"]
    assert sandbox(show, user=0).text.split() == ["/root", "/", "0", "0"]
    assert sandbox("env", env={"PATH": "/bin", "HOME": "/x"}).text.count("HOME=/x") == 1


def test_files(sandbox: Sandboxes, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho from the host\n")
    program.chmod(0o755)
    files: dict[str, Any] = {
        "/work/a/text": "text", "/work/bytes": b"\0\1", "/work/run": program, "relative": "here",
        "/etc/passwd": "me:x:9:9::/:/bin/sh\n",
    }  # fmt: skip
    result = sandbox(
        "cat /work/a/text; /work/run; wc -c < /work/bytes; cat relative; rm /work/bytes;"
        "stat -c '%u %a' /work/a /work/a/text /work/run; cat /etc/passwd",
        files=files, workdir="/tmp",
    )  # fmt: skip
    assert result.text.split() == [
        "textfrom", "the", "host", "2", "here65534", "755", "65534", "644", "65534", "755",
        "me:x:9:9::/:/bin/sh",
    ]  # fmt: skip
    assert "guest" in (sandbox.rootfs / "etc" / "passwd").read_text()


def test_timeout_ends_all_processes(sandbox: Sandboxes) -> None:
    """The program is deaf, and has children in sessions of their own."""
    script = (
        "trap '' TERM; setsid sleep 1000 & setsid sh -c 'trap \"\" TERM; sleep 1000' & echo up; "
    )
    result = sandbox(script + "sleep 1000", timeout=1)
    assert (result.timed_out, result.signal, result.exit_code) == (True, 9, 137)
    assert result.stdout == b"up\n"
    assert not result.ok
    assert not sandbox(["true"], timeout=60).timed_out


def test_what_the_program_leaves_running_ends_with_it(sandbox: Sandboxes) -> None:
    assert sandbox("setsid sleep 1000 & echo done").text == "done\n"


def test_memory(sandbox: Sandboxes) -> None:
    eater = "x=$(dd if=/dev/zero bs=1M count=64 2>/dev/null | tr '\\0' a); echo lived"
    result = sandbox(eater, memory="24m")
    assert result.oom_killed
    assert b"lived" not in result.stdout
    assert sandbox(eater, memory=256 << 20).text == "lived\n"
    assert not sandbox(eater).oom_killed
    assert not sandbox("exit 137", memory="24m").oom_killed


def test_pids(sandbox: Sandboxes) -> None:
    """The limit counts the program and its children, not hutch-init."""
    script = "sleep 9 & sleep 9 & sleep 9 & echo three; kill %1 %2 %3"
    assert "three" in sandbox(script, pids=4).text
    result = sandbox(script, pids=3)
    assert "three" not in result.text
    assert b"fork" in result.stderr
    bomb = "for i in $(seq 600); do sleep 5 & done; echo all"
    assert "all" not in sandbox(bomb).text
    assert "all" in sandbox(bomb, pids=None).text


def test_cpus(sandbox: Sandboxes) -> None:
    show = (
        "g=$(sed -n 's/^[0-9]*:cpu://p' /proc/self/cgroup); "
        "cat /sys/fs/cgroup/cpu.max 2>/dev/null || cat /host/cpu$g/cpu.cfs_quota_us"
    )
    cgroups = {"/host": "/sys/fs/cgroup"}
    assert sandbox(show, cpus=0.5, mounts=cgroups).text.split()[0] == "50000"
    assert sandbox(show, mounts=cgroups).text.split()[0] in ("-1", "max")


def test_mounts(sandbox: Sandboxes, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "file").write_text("shared\n")
    shared.chmod(0o777)
    result = sandbox(
        "cat /in/file /one; echo x > /in/new; echo y > /out/new; cat /in/new",
        mounts={"/in": shared, "/one": shared / "file"}, writable_mounts={"/out": shared},
    )  # fmt: skip
    assert result.text == "shared\nshared\ny\n"
    assert b"/in/new: Read-only file system" in result.stderr
    assert (shared / "new").read_text() == "y\n"


def test_the_scratch_layer(sandbox: Sandboxes) -> None:
    """What is written is gone at the end, and has a size; the root file system stays as it is."""
    before = sorted(str(path) for path in sandbox.rootfs.rglob("*"))
    write = "echo x > /bin/new; rm /bin/id; mkdir /d; dd if=/dev/zero of=/d/f bs=1M count=8; ls /d"
    assert sandbox(write, user=0).text == "f\n"
    assert b"No space" in sandbox(write, user=0, scratch="4m").stderr
    many = "seq 6000 | sed s:^:/tmp/f: | xargs touch; ls /tmp | wc -l"
    assert 4000 < int(sandbox(many, scratch="1m").text) < 6000
    assert sandbox(many).text == "6000\n"
    assert sandbox("ls /d /bin/new", user=0).text == ""
    assert sorted(str(path) for path in sandbox.rootfs.rglob("*")) == before
    result = sandbox("touch /x /tmp/x /bin/x", user=0, scratch=0)
    assert result.stderr.count(b"Read-only file system") == 3
    with pytest.raises(hutch.UsageError, match="scratch"):
        sandbox(["true"], scratch=0, files={"/a": "b"})


def test_an_image_of_the_store(sandbox: Sandboxes, tmp_path: Path) -> None:
    place = make_image(
        tmp_path / "box", User="guest", Env=["FROM=image"], WorkingDir="/data", Cmd=["sh"]
    )
    store = tmp_path / "store"
    with pytest.raises(hutch.ImageError):
        sandbox(["true"], image="box:box", store=store, pull="never")
    show = "id -un; echo $FROM $HOME; pwd; cat kept"
    words = ["guest", "image", "/home/guest", "/data", "of", "the", "image"]
    for pull in ("missing", "always"):
        assert sandbox(show, image=place, store=store, pull=pull).text.split() == words
    assert sandbox(show, image="box:box", store=store, pull="never").text.split() == words
    result = sandbox("id -un; id -G", image="box:box", store=store, user="guest:staff")
    assert result.text.split() == ["guest", "50"]
    with pytest.raises(hutch.ImageError, match="nosuch"):
        sandbox(["true"], image="box:box", store=store, user="nosuch")


def test_an_image_that_is_pulled_anew_is_used(sandbox: Sandboxes, tmp_path: Path) -> None:
    from hutch.images import Store

    store = tmp_path / "store"
    for value in ("old", "new"):
        make_image(tmp_path / value, Env=[f"V={value}"])
        with Store(store) as images:
            images.tag(images.pull(f"oci:{tmp_path / value}:box").names[0], "one:latest")
        assert sandbox("echo $V", image="one", store=store).text == f"{value}\n"


@pytest.mark.parametrize("count", [20, 60])
def test_many_layers(sandbox: Sandboxes, tmp_path: Path, count: int) -> None:
    """More than fsconfig(2) takes in one string, and than mount(2) takes with long paths."""
    sandbox.shorten()
    layers = [busybox_layer().tar()]
    for number in range(count):
        layer = Layer()
        layer.file(f"layer{number}", b"")
        layers.append(layer.tar())
    Image(layers, "gzip", {}).write(tmp_path / "many", "box")
    store = tmp_path / "store"
    place = f"oci:{tmp_path}/many:box"
    script = "ls / | grep -c layer; touch /tmp/x && ls /tmp"
    assert sandbox(script, image=place, store=store).text == f"{count}\nx\n"
    assert sandbox("ls / | grep -c layer", image=place, store=store, scratch=0).text == f"{count}\n"


def test_several_at_once(sandbox: Sandboxes) -> None:
    results: list[str] = []

    def work(number: int) -> None:
        for _ in range(3):
            results.append(sandbox(["cat"], input=str(number)).text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(str(number) for number in range(6) for _ in range(3))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"memory": "lots"}, "memory"), ({"memory": "1m"}, "memory"), ({"cpus": 0}, "cpus"),
        ({"pids": 0}, "pids"), ({"timeout": -1}, "timeout"), ({"workdir": "tmp"}, "workdir"),
        ({"env": {"A=B": "c"}}, "env"), ({"pull": "perhaps"}, "pull"), ({"scratch": -1}, "scratch"),
        ({"mounts": {"in": "/tmp"}}, "mounts"), ({"mounts": {"/in": "/no/such"}}, "mounts"),
        ({"mounts": {"/a": "/"}, "writable_mounts": {"/a": "/"}}, "twice"),
        ({"files": {"/a/../b": ""}}, "files"), ({"image": "/no/such"}, "directory"),
        ({"max_output": -1}, "max_output"),
    ],
)  # fmt: skip
def test_wrong_arguments(sandbox: Sandboxes, options: dict[str, Any], said: str) -> None:
    with pytest.raises(hutch.UsageError, match=said):
        sandbox(["true"], **options)
    sandbox(["true"])


def test_a_program_that_does_not_exist(sandbox: Sandboxes) -> None:
    with pytest.raises(hutch.HutchError, match="nosuch") as caught:
        sandbox(["nosuch"])
    assert caught.value.pointer == "process.args[0]"
    with pytest.raises(hutch.UsageError, match="a list"):
        hutch.run(sandbox.rootfs, "true")
    with pytest.raises(hutch.UsageError, match="no program"):
        sandbox([])


def test_nothing_is_left_open(sandbox: Sandboxes) -> None:
    """Descriptors and children, after calls that succeed, fail and run out of time."""

    def held() -> tuple[int, list[str]]:
        children = Path("/proc/thread-self/children").read_text().split()
        return len(os.listdir("/proc/self/fd")), children

    def calls() -> None:
        sandbox("cat; exit 3", input=b"x" * 100_000)
        sandbox(["sleep", "1000"], timeout=0.1)
        for wrong in ({"workdir": "/bin/sh/x"}, {"mounts": {"/bin/sh/x": "/"}}):
            with pytest.raises(hutch.HutchError):
                sandbox(["true"], **wrong)
        with sandbox.staying() as box:
            box.run(["true"])
            box.start(["sleep", "1000"])
            box.snapshot()
            with pytest.raises(hutch.HutchError):
                box.run(["nosuch"])

    calls()
    before = held()
    calls()
    assert held() == before


def test_a_caller_that_ignores_its_children(sandbox: Sandboxes) -> None:
    """The kernel then reaps them itself; the first process tells the status."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        result = sandbox("exit 7")
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert result.exit_code == 7


def test_the_layers_of_a_sandbox_are_not_collected(sandbox: Sandboxes, tmp_path: Path) -> None:
    from hutch.images import Store

    store, place = tmp_path / "store", make_image(tmp_path / "box")
    with sandbox.staying(image=place, store=store) as box, Store(store) as images:
        images.remove("box:box")
        images.prune(every=True)
        with pytest.raises(hutch.ImageError):
            images.find("box:box")
        assert box.run(["cat", "/data/kept"]).text == "of the image\n"
    code = "from hutch.images import Store; import sys; print(Store(sys.argv[1]).prune()[1] > 0)"
    assert subprocess.check_output([sys.executable, "-c", code, store]) == b"False\n"
