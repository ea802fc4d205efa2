"""Records a seccomp profile from PostgreSQL, runs it again under the profile, and shows that what
it did not do is denied: ./dev conformance --recording.

The server runs in a container with the host's /usr, as the host's user postgres; psql runs on the
host, so that only the server is recorded.
"""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from hutch.spec.default import default_config

HUTCH = Path(sys.prefix) / "bin" / "hutch"
SESSION = """
drop table if exists pets;
create table pets (id serial primary key, name text, born date);
insert into pets (name, born) select 'rabbit ' || n, date '2020-01-01' + n
    from generate_series(1, 20000) n;
create index by_born on pets (born);
begin; update pets set name = upper(name) where id % 3 = 0; commit;
delete from pets where id % 5 = 0;
vacuum analyze pets;
set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0;
set min_parallel_table_scan_size = 0;
select count(*), max(length(name)) from pets where name like '%ABB%';
select a.name from pets a join pets b on a.born = b.born order by a.name desc limit 3;
checkpoint;
"""
RUNS = 2  # calls differ from run to run: how a block of memory grows, which process waits
OTHER = "copy pets to program 'cat > /tmp/pets'"  # it starts a shell


def programs() -> Path:
    """The folder of the newest PostgreSQL of this machine."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))


def bundle(folder: Path, user: pwd.struct_passwd) -> dict[str, Any]:
    """The root file system, with a new database; and the config."""
    rootfs = folder / "rootfs"
    for name in ("data", "dev", "etc", "proc", "sys", "tmp", "usr"):
        (rootfs / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (rootfs / name).symlink_to("usr/" + name)
    (rootfs / "etc" / "passwd").write_text(f"postgres:x:{user.pw_uid}:{user.pw_gid}::/:/bin/sh\n")
    for name in ("data", "tmp"):
        os.chown(rootfs / name, user.pw_uid, user.pw_gid)
    for path in (folder, rootfs):
        path.chmod(0o755)
    subprocess.run(
        [programs() / "initdb", "-D", rootfs / "data", "-U", "postgres", "--locale=C", "-A",
         "trust", "--no-sync"],
        check=True, user=user.pw_uid, group=user.pw_gid, extra_groups=[], stdout=subprocess.DEVNULL,
        cwd="/",
    )  # fmt: skip
    config = cast("dict[str, Any]", default_config())
    config["root"]["readonly"] = False
    config["mounts"].append(
        {"destination": "/usr", "source": "/usr", "type": "bind", "options": ["rbind", "ro"]}
    )
    config["process"] |= {
        "terminal": False,
        "user": {"uid": user.pw_uid, "gid": user.pw_gid},
        "args": [str(programs() / "postgres"), "-D", "/data", "-k", "/tmp", "-c",
                 "listen_addresses="],
    }  # fmt: skip
    config["process"]["rlimits"] = []
    return config


class Server:
    """A server in a container, and a client of it."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.root = folder / "state"
        command = [HUTCH, "--root", self.root, *words, "--bundle", folder, "postgres"]
        self.log = (folder / "output").open("w+")
        self.process = subprocess.Popen(
            list(map(str, command)), stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL
        )
        for _ in range(600):
            if self.ask("select 1").returncode == 0:
                return
            time.sleep(0.1)
        raise SystemExit("the server does not answer:\n" + self.output())

    def ask(self, query: str) -> subprocess.CompletedProcess[str]:
        """What psql says."""
        return subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
             str(self.folder / "rootfs" / "tmp"), "-U", "postgres"],
            input=query, text=True, capture_output=True, check=False,
        )  # fmt: skip

    def stop(self) -> None:
        subprocess.run([HUTCH, "--root", self.root, "kill", "postgres", "INT"], check=True)
        code = self.process.wait(60)
        if code:
            raise SystemExit(f"the server ended with {code}:\n" + self.output())

    def output(self) -> str:
        self.log.seek(0)
        return self.log.read()


def main() -> None:
    user = pwd.getpwnam("postgres")
    folder = Path(tempfile.mkdtemp(prefix="recording-"))
    try:
        config = bundle(folder, user)
        (folder / "config.json").write_text(json.dumps(config))
        profile = folder / "profile.json"
        control = Server(folder, "run")
        print("without a profile:", measured(control), "s;", OTHER, "->", run_other(control))
        control.stop()
        for _ in range(RUNS):
            recorded = Server(folder, "seccomp", "record", "-o", str(profile))
            print("recorded:", measured(recorded), "s")
            recorded.stop()
            print(recorded.output().strip().splitlines()[-1])
        config["linux"]["seccomp"] = json.loads(profile.read_text())
        (folder / "config.json").write_text(json.dumps(config))
        again = Server(folder, "run", "--seccomp-explain")
        print("under the profile:", measured(again), "s")
        before = refusals(again)
        said = run_other(again)
        again.stop()
        after = refusals(again)[len(before) :]
        print(OTHER, "->", said)
        print("\n".join(["refused in the session:", *before, "refused afterwards:", *after]))
        if said == "done" or [line for line in before if "defaultAction" in line] or not after:
            raise SystemExit("the profile is not what the server did")
    finally:
        shutil.rmtree(folder)


def measured(server: Server) -> str:
    """Runs the session; the time that it took."""
    began = time.monotonic()
    done = server.ask(SESSION)
    if done.returncode:
        raise SystemExit(done.stderr + server.output())
    return f"{time.monotonic() - began:.2f}"


def run_other(server: Server) -> str:
    done = server.ask(OTHER)
    return done.stderr.strip().splitlines()[0] if done.returncode else "done"


def refusals(server: Server) -> list[str]:
    return [line for line in server.output().splitlines() if line.startswith("hutch: warning")]


if __name__ == "__main__":
    main()
