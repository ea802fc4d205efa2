"""Hostile requests to the Engine API, by the grammar of tests/support/hostile_api.py: ``./dev fuzz
api [--requests N]``. With ``--document FILE``, a copy of Docker's OpenAPI document, also what
schemathesis makes of it.

The server runs in a network namespace of its own, with a container; its store is in a temporary
folder.
"""

import argparse
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.support.api import Api, serving
from tests.support.engines import eventually
from tests.support.hostile_api import Grammar, attack
from tests.support.networks import NetworkEngine, network_engine

SCHEMATHESIS = Path(".dev/schemathesis")


def figures(api: Api, what: str) -> None:
    """Prints what the server has, once nobody is connected."""
    eventually(lambda: api.threads() == 1, 120)
    print(
        f"{what:28} {api.memory() >> 10:8} KiB of its own {api.descriptors():6} descriptors"
        f" {api.threads():4} threads",
        flush=True,
    )


def by_grammar(api: Api, names: list[str], image: str, requests: int, seed: int) -> bool:
    """True if the server failed."""
    failed = False
    attack(api.path, lambda n: Grammar(seed + n, names, image), 2000, 8)
    figures(api, "after 2000 requests")
    part = max(1, requests // 10)
    for number in range(10):
        begin, first = time.monotonic(), seed + 1000 * (number + 1)
        statuses, wrong = attack(
            api.path, lambda n, first=first: Grammar(first + n, names, image), part, 8
        )
        seconds = time.monotonic() - begin
        figures(api, f"after {part * (number + 1)} more")
        print(f"    {seconds:.0f} s;", dict(sorted(statuses.items())), flush=True)
        for raw, answer in wrong[:3]:
            failed = True
            print(raw[:2000], answer, sep="\n")
    return failed


def relay(path: str) -> int:
    """A port of loopback that leads to a unix socket: schemathesis speaks TCP only."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)

    def carry(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (one, other):
                end.close()

    def accept() -> None:
        while True:
            client, _ = listening.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(path)
            for pair in ((client, server), (server, client)):
                threading.Thread(target=carry, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listening.getsockname()[1])


def by_document(api: Api, document: Path, examples: int) -> bool:
    """schemathesis (PyPI) in an environment of its own. True if the server failed."""
    program = SCHEMATHESIS.absolute() / "bin" / "schemathesis"
    if not program.exists():
        subprocess.run(["python3", "-m", "venv", SCHEMATHESIS], check=True)
        subprocess.run([SCHEMATHESIS / "bin" / "pip", "install", "-q", "schemathesis"], check=True)
    words = [
        program, "run", document.absolute(), "--url", f"http://127.0.0.1:{relay(api.path)}/v1.55",
        "--checks", "not_a_server_error", "--mode", "all", "--phases", "examples,fuzzing",
        "--max-examples", str(examples), "--request-timeout", "10", "--suppress-health-check",
        "all", "--continue-on-failure", "--no-color", "--exclude-path-regex",
        "/(events|session|system/df)$|/(logs|attach|attach/ws|stats|wait)$",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:  # it keeps what it found where it runs
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder)
    print(done.stdout[-6000:])
    figures(api, "after schemathesis")
    found = re.findall(r"internal error[^\n]*", done.stdout)
    print("\n".join(sorted(set(found))))
    return bool(found)


def attacked(engine: NetworkEngine, folder: Path, wanted: argparse.Namespace) -> bool:
    with serving(engine, str(folder / "api.sock")) as api:
        figures(api, "at the beginning")
        create = engine.create("--network", "none")
        id = api.said("run", "-d", "--name", "there", *create, engine.image, "sleep", "100000")
        names = [id, "there", engine.image]
        failed = by_grammar(api, names, engine.image, wanted.requests, wanted.seed)
        if wanted.document:
            failed |= by_document(api, wanted.document, wanted.examples)
        return failed


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev fuzz api", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--document", type=Path, metavar="FILE")
    parser.add_argument("--examples", type=int, default=50, help="of each request of the document")
    wanted = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as name, network_engine(Path(name)) as engine:
        return int(attacked(engine, Path(name), wanted))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
