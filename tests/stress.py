"""``./dev stress``: many containers at once; a kill -9 of warren and of conmon, again and again."""

import argparse
import secrets
import tempfile
import time
from pathlib import Path

from tests.support.leftovers import sweep
from tests.support.networks import network_engine
from tests.support.stress import crowd, kill_conmon, kill_warren, nothing_left


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev stress", description=__doc__)
    parser.add_argument("--workers", type=int, default=8, metavar="N", help="at once (8)")
    parser.add_argument("--containers", type=int, default=200, metavar="N", help="of all (200)")
    parser.add_argument("--kills", type=int, default=100, metavar="N", help="of each kind (100)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), metavar="N")
    options = parser.parse_args()
    print(f"--seed {options.seed}")
    with (
        tempfile.TemporaryDirectory(prefix="stress-", dir="/var/tmp") as name,
        network_engine(Path(name)) as engine,
    ):
        began = time.monotonic()

        def told(what: str) -> None:
            nonlocal began
            nothing_left(engine)
            print(f"{what}; nothing is left ({time.monotonic() - began:.0f} s)", flush=True)
            began = time.monotonic()

        made = crowd(engine, options.workers, options.containers // options.workers)
        told(f"{made} containers started and stopped by {options.workers} at once")
        killed = kill_warren(engine, options.kills, options.seed)
        told(f"warren killed {sum(killed.values())} times: {killed}")
        unknown = kill_conmon(engine, options.kills, options.seed)
        told(f"conmon killed {options.kills} times, {unknown} exit codes were lost with it")
    for line in sweep():
        print(f"left behind: {line}")


if __name__ == "__main__":
    main()
