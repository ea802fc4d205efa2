"""Checks of containers that live on: exec, terminals, signals, limits, logs, restarts."""

import contextlib
import os
import threading
from collections.abc import Iterator

from conformance.engines.checks import check, expect
from conformance.engines.engine import Engine, until
from conformance.engines.kernel import limit, processes, shared_folder
from conformance.engines.wish import Bind, Limits, Wish, Wrong

SLEEP = Wish(words=("sleep", "1000"))
# The first process of a pid namespace ignores signals that it does not handle.
TRAPS = Wish(shell="trap 'echo caught; exit 5' TERM USR1; echo ready; while :; do sleep 0.1; done")


@contextlib.contextmanager
def running(engine: Engine, wish: Wish = SLEEP) -> Iterator[str]:
    """A container that is removed at the end."""
    name = engine.start(wish)
    try:
        until(lambda: engine.state(name) in ("running", "exited"), "it runs")
        yield name
    finally:
        engine.remove(name)


def ended(engine: Engine, name: str) -> None:
    until(lambda: engine.state(name) in ("exited", "gone"), "its end")


@check("exec", "output, error output and exit code")
def _(engine: Engine) -> None:
    with running(engine, SLEEP.but(env={"A": "b"})) as name:
        done = engine.exec(name, "sh", "-c", "echo $A; echo err >&2; exit 9")
        expect((done.code, done.out), (9, "b\n"))
        if "err" not in done.err:
            raise Wrong(f"error output: {done.err!r}")
        expect(engine.exec(name, "sh", "-c", "kill -9 $$").code, 137)


@check("exec", "as another user")
def _(engine: Engine) -> None:
    with running(engine) as name:
        expect(engine.exec(name, "id", "-u", user="1000").out, "1000\n")


@check("exec", "standard input, and its end")
def _(engine: Engine) -> None:
    with running(engine) as name:
        expect(engine.exec(name, "cat", stdin=b"typed\n").out, "typed\n")


@check("exec", "what is not there, and what may not be executed")
def _(engine: Engine) -> str:
    with running(engine) as name:
        codes = [engine.exec(name, word).code for word in ("nothing", "/bin/no", "/etc/passwd")]
        if not all(codes):
            raise Wrong(f"exit codes {codes}")
        expect(engine.exec(name, "true").code, 0)
        return str(codes)


@check("exec", "limits, capabilities and seccomp are those of the container")
def _(engine: Engine) -> str:
    with running(engine, SLEEP.but(memory=2**26, no_new_privileges=True)) as name:
        script = "grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status; cat /proc/self/limits"
        own = engine.exec(name, "sh", "-c", script.replace("self", "1")).out
        expect(engine.exec(name, "sh", "-c", script).out, own)
        return own


@check("exec", "ten at once")
def _(engine: Engine) -> None:
    with running(engine) as name:
        found: list[str] = []

        def one(number: int) -> None:
            found.append(engine.exec(name, "sh", "-c", f"sleep 0.1; echo {number}").out.strip())

        threads = [threading.Thread(target=one, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expect(sorted(found), sorted(map(str, range(10))))


@check("exec", "one in the background does not hold the caller")
def _(engine: Engine) -> None:
    with running(engine) as name:
        words = "sleep 1001 >/dev/null 2>&1 </dev/null & echo started"
        expect(engine.exec(name, "sh", "-c", words).out, "started\n")


@check("terminals", "run: a terminal with a size, and Ctrl-C")
def _(engine: Engine) -> None:
    script = "trap 'echo caught; exit 4' INT; test -t 0 && test -t 2 && echo is-$((1+1)); "
    console = engine.run_at_terminal(Wish(shell=script + "while :; do sleep 0.1; done"))
    console.expect("is-2")
    console.send("\x03")
    console.expect("caught")
    expect(console.end(), 4)


@check("terminals", "run: the exit code, and what is typed")
def _(engine: Engine) -> None:
    console = engine.run_at_terminal(Wish(shell="read a; echo got-$a; exit 3"))
    console.send("word\n")
    console.expect("got-word")
    expect(console.end(), 3)


@check("terminals", "exec -it: a shell")
def _(engine: Engine) -> None:
    with running(engine) as name:
        console = engine.exec_at_terminal(name, "sh")
        console.send("tty; echo is-$((1+1)); exit 6\n")
        console.expect("/dev/pts/")
        console.expect("is-2")
        expect(console.end(), 6)


@check("terminals", "a detached terminal: logs")
def _(engine: Engine) -> None:
    with running(engine, Wish(shell="tty; sleep 1000", tty=True)) as name:
        until(lambda: "/dev/pts/" in engine.logs(name), "its output in the logs")


@check("terminals", "attach to a detached terminal")
def _(engine: Engine) -> None:
    script = "while read a; do echo got-$a; done"
    with running(engine, Wish(shell=script, tty=True, interactive=True)) as name:
        console = engine.attach(name)
        console.send("word\n")
        console.expect("got-word")
        engine.kill(name, "KILL")
        console.end()


@check("signals", "a signal that is handled, and the exit code")
def _(engine: Engine) -> None:
    with running(engine, TRAPS) as name:
        until(lambda: engine.exec(name, "true").code == 0, "it runs")
        engine.kill(name, "USR1")
        expect(engine.exit_code(name), 5)


@check("signals", "KILL")
def _(engine: Engine) -> None:
    with running(engine) as name:
        engine.kill(name, "KILL")
        expect(engine.exit_code(name), 137)
        ended(engine, name)


@check("signals", "stop: TERM, which is handled")
def _(engine: Engine) -> None:
    with running(engine, TRAPS) as name:
        engine.stop(name, 60)
        expect(engine.exit_code(name), 5)


@check("signals", "stop: KILL after the time")
def _(engine: Engine) -> None:
    with running(engine) as name:
        engine.stop(name, 1)
        expect(engine.exit_code(name), 137)


@check("signals", "a signal to a container that has ended is an error")
def _(engine: Engine) -> None:
    with running(engine, Wish(shell="exit 0")) as name:
        ended(engine, name)
        try:
            engine.kill(name, "TERM")
        except Wrong:
            return
        raise Wrong("no error")


@check("signals", "all processes end with the first")
def _(engine: Engine) -> None:
    with running(engine, Wish(shell="sleep 4242 & sleep 4242 & sleep 1000")) as name:
        until(lambda: len(processes("sleep 4242")) == 2, "its processes")
        engine.kill(name, "KILL")
        until(lambda: not processes("sleep 4242"), "their end")


@check("pause", "a container that is paused does nothing, and goes on")
def _(engine: Engine) -> None:
    with running(engine) as name:
        engine.pause(name)
        expect(engine.state(name), "paused")
        engine.resume(name)
        expect(engine.state(name), "running")
        # Seen once, on a loaded machine: ctr showed nothing of what ends as soon as it has begun.
        until(lambda: engine.exec(name, "echo", "on").out == "on\n", "it goes on")


@check("pause", "exec in it is refused")
def _(engine: Engine) -> None:
    with running(engine) as name:
        engine.pause(name)
        try:
            if engine.exec(name, "true").code == 0:
                raise Wrong("it was executed")
        finally:
            engine.resume(name)


@check("pause", "a paused container can be removed")
def _(engine: Engine) -> None:
    with running(engine, Wish(words=("sleep", "4243"))) as name:
        engine.pause(name)
        engine.remove(name)
        until(lambda: not processes("sleep 4243"), "its end")


@check("limits", "one processor, by its number")
def _(engine: Engine) -> None:
    with running(engine, SLEEP.but(cpuset="1")) as name:
        expect(limit(engine.pid(name), "cpuset", "cpuset.cpus", "cpuset.cpus"), "1")


@check("limits", "memory and processors")
def _(engine: Engine) -> None:
    with running(engine, SLEEP.but(memory=2**26, cpus=0.5)) as name:
        pid = engine.pid(name)
        expect(limit(pid, "memory", "memory.limit_in_bytes", "memory.max"), str(2**26))
        found = limit(pid, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0]
        period = limit(pid, "cpu", "cpu.cfs_period_us", "cpu.max").split()[-1]
        expect(int(found) / int(period), 0.5)


@check("limits", "of pids: a fork too many fails")
def _(engine: Engine) -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done 2>&1; wait"
    done = engine.run(Wish(shell=script, pids=6))
    if "can't fork" not in done.out + done.err:
        raise Wrong(f"no error: {done}")


@check("limits", "update of memory, processors and pids")
def _(engine: Engine) -> None:
    with running(engine, SLEEP.but(memory=2**26)) as name:
        pid = engine.pid(name)
        engine.update(name, Limits(memory=2**27, cpus=0.25))
        expect(limit(pid, "memory", "memory.limit_in_bytes", "memory.max"), str(2**27))
        found = limit(pid, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0]
        period = limit(pid, "cpu", "cpu.cfs_period_us", "cpu.max").split()[-1]
        expect(int(found) / int(period), 0.25)


@check("limits", "update of pids")
def _(engine: Engine) -> None:
    with running(engine) as name:
        engine.update(name, Limits(pids=77))
        expect(limit(engine.pid(name), "pids", "pids.max", "pids.max"), "77")


@check("limits", "statistics: the memory in use")
def _(engine: Engine) -> None:
    # Memory of a program, not a file's: podman shows only that ("anon") with cgroup v2. tail keeps
    # what it cannot write.
    wish = Wish(shell="head -c 20m /dev/zero | tail -c 20m | sleep 1000")
    with running(engine, wish) as name:
        until(lambda: 2 * 10**7 < engine.memory(name) < 2**26, "its memory in the statistics", 60)


@check("limits", "the list of its processes")
def _(engine: Engine) -> None:
    with running(engine, Wish(shell="sleep 4244 & sleep 4244 & wait")) as name:
        until(lambda: len(processes("sleep 4244")) == 2, "its processes")
        until(lambda: len(engine.pids(name)) == 3, "three processes on the list")
        if not set(processes("sleep 4244")) <= set(engine.pids(name)):
            raise Wrong("other pids")


@check("limits", "OOM is reported as OOM")
def _(engine: Engine) -> None:
    with running(engine, Wish(shell="sleep 1; exec tail /dev/zero", memory=2**25)) as name:
        expect(engine.exit_code(name), 137)
        until(lambda: engine.oom_killed(name), "a report of OOM", 60)


@check("logs", "all that was written, in order")
def _(engine: Engine) -> None:
    with running(engine, Wish(shell="seq 1 20000; sleep 1")) as name:
        ended(engine, name)
        wanted = "".join(f"{number}\n" for number in range(1, 20001))
        until(lambda: engine.logs(name) == wanted, "20000 lines in the logs", 60)


@check("restart", "restart of a container that runs")
def _(engine: Engine) -> None:
    with running(engine) as name:
        before = engine.pid(name)
        engine.restart(name)
        expect(engine.state(name), "running")
        if engine.pid(name) == before:
            raise Wrong("the same process")


@check("restart", "policy always: started again after its end")
def _(engine: Engine) -> None:
    with running(engine, SLEEP.but(restart="always")) as name:
        before = engine.pid(name)
        os.kill(before, 9)
        until(lambda: engine.state(name) == "running" and engine.pid(name) != before, "a restart")


@check("restart", "policy on-failure: as often as it says")
def _(engine: Engine) -> None:
    folder = shared_folder(engine.place.folder / f"counted-{engine.runtime}")
    folder.chmod(0o777)
    wish = Wish(shell="echo x >>/c/file; exit 3", restart="on-failure:2")
    with running(engine, wish.but(binds=(Bind(str(folder), "/c"),))) as name:
        file = folder / "file"
        until(lambda: file.exists() and file.read_text() == "x\n" * 3, "three starts")
        ended(engine, name)
        expect(engine.exit_code(name), 3)


@check("restart", "twenty at once, started and removed")
def _(engine: Engine) -> None:
    names: list[str] = []
    wrong: list[BaseException] = []

    def one() -> None:
        try:
            name = engine.start(Wish(words=("sleep", "4245")))
            names.append(name)
            until(lambda: engine.state(name) == "running", "it runs", 60)
            engine.remove(name)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]
    until(lambda: not processes("sleep 4245"), "their end")


@check("health", "a check that succeeds, and one that fails")
def _(engine: Engine) -> None:
    with running(engine, SLEEP.but(health="test -e /bin/sh")) as name:
        expect(engine.health(name), "healthy")
    with running(engine, SLEEP.but(health="exit 1")) as name:
        until(lambda: engine.health(name) == "unhealthy", "unhealthy")
