"""python -m conformance.testhost: see the package."""

import argparse
import os
import signal
import sys
from pathlib import Path

from . import TestHostError, suite
from .image import image, say
from .machine import CGROUP, FAILED, SECURITY, Job, Kind, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="testhost", description="a Debian machine under QEMU")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("prepare", help="make the image, if it is not in the cache")
    runs = verbs.add_parser("run", help="run a command as root in a new machine")
    runs.add_argument("--security", choices=list(SECURITY), default="apparmor")
    runs.add_argument("--cgroup", choices=list(CGROUP), default="v2")
    runs.add_argument("--counting", action="store_true", help="its clock counts instructions")
    runs.add_argument("--share", metavar="FOLDER", type=Path, action="append", default=[])
    runs.add_argument("--package", metavar="NAME", action="append", default=[])
    runs.add_argument("--timeout", metavar="SECONDS", type=float, default=600.0)
    runs.add_argument("command", nargs="+", metavar="COMMAND")
    tests = verbs.add_parser("test", help="run tests/vm, a machine for each kind of host")
    tests.add_argument("--only", metavar="KIND", choices=list(suite.HOSTS), action="append")
    tests.add_argument("--at-once", metavar="N", type=int, default=len(suite.HOSTS))
    arguments, rest = parser.parse_known_args()
    # SIGTERM then runs the `finally` blocks, as SIGINT does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if arguments.verb == "test":
            hosts = arguments.only or list(suite.HOSTS)
            return suite.run(hosts, rest, max(1, arguments.at_once))
        if rest:
            parser.error(f"unknown argument {rest[0]}")
        if arguments.verb == "prepare":
            print(image())
            return 0
        shares = [share.resolve() for share in arguments.share]
        here = Path.cwd()
        seen = any(here.is_relative_to(share) for share in shares)
        folder = str(here) if seen else "/root"
        job = Job(arguments.command, folder, {}, shares, arguments.timeout)
        packages = tuple(sorted(arguments.package))
        return run(Kind(arguments.security, arguments.cgroup, packages, arguments.counting), job)
    except TestHostError as error:
        say(str(error))
        return FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        sys.stdout.flush()


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
