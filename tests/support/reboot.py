"""What a sudden end of the machine leaves of warren's containers and networks."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.support.engines import Engine, kill9
from tests.support.networks import NetworkEngine

OTHER = "00000000-0000-4000-8000-000000000000"


def go_down(engine: Engine, ids: list[str]) -> None:
    """What a sudden end of the machine leaves: no process, no mount, nothing written about it, and
    births of another boot in the store."""
    program = Path(sys.prefix, "bin", "hutch")
    for id in ids:
        kill9(engine.conmon(id))
    for id in ids:
        subprocess.run([program, "--root", "/run/warren", "delete", "--force", id], check=True)
        subprocess.run(["umount", engine.root / "containers" / id / "rootfs"], check=True)
    here = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    database = sqlite3.connect(engine.root / "store.db")
    with database:
        for column in ("birth", "conmon_birth"):
            database.execute(
                f"UPDATE container SET {column} = replace({column}, ?, ?)",
                (here, OTHER),
            )
    database.close()


def networks_go_down(engine: NetworkEngine) -> None:
    """The same of networks: no link, no rule, no nameserver, and nothing below /run."""
    for link in engine.links():
        if engine.host.run("ip", "-o", "link").find(f" {link}") >= 0:
            engine.host.run("ip", "link", "del", link)
    engine.host.run("nft", "flush", "ruleset")
    server = engine.run_folder / "dns" / "aardvark.pid"
    if server.exists():
        kill9(int(server.read_text()))
    for namespace in (engine.run_folder / "netns").iterdir():
        subprocess.run(["umount", namespace], check=True)
    shutil.rmtree(engine.run_folder)
