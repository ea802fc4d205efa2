"""The memory that a container uses, and the lowest memory limit with which it starts."""

import json
from pathlib import Path

from conformance.bench.clock import peak_memory
from conformance.bench.peers import Peer

LIMITS = (128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)  # KiB


def private_memory(pid: int) -> int:
    """The memory in KiB that only this process maps (proc(5), smaps_rollup)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


def created_memory(peer: Peer, bundle: str) -> int:
    """The memory in KiB that only the waiting process of a created container maps."""
    pid_file = Path(peer.root + ".pid")
    peer.call("create", "--bundle", bundle, "--pid-file", str(pid_file), "bench-held")
    try:
        return private_memory(int(pid_file.read_text()))
    finally:
        peer.call("delete", "--force", "bench-held")
        pid_file.unlink()


def peaks(peer: Peer, waits: str, true: str) -> dict[str, int]:
    """The peak of resident memory of the commands themselves, in KiB."""
    result = {"run": peak_memory(peer.words("run", "--bundle", true, "bench-peak"))}
    result["create"] = peak_memory(peer.words("create", "--bundle", waits, "bench-peak"))
    result["state"] = peak_memory(peer.words("state", "bench-peak"))
    peer.call("delete", "--force", "bench-peak")
    return result


def least_limit(peer: Peer, bundle: Path) -> int:
    """The smallest of LIMITS, in KiB, with which three of three runs succeed; 0 if none does."""
    path = bundle / "config.json"
    whole = path.read_text()
    try:
        for limit in LIMITS:
            config = json.loads(whole)
            config["linux"]["resources"]["memory"] = {"limit": limit << 10}
            path.write_text(json.dumps(config))
            if all(_runs(peer, str(bundle)) for _ in range(3)):
                return limit
        return 0
    finally:
        path.write_text(whole)


def _runs(peer: Peer, bundle: str) -> bool:
    done = peer.call("run", "--bundle", bundle, "bench-limit", check=False)
    if done.returncode != 0:
        peer.call("delete", "--force", "bench-limit", check=False)
    return done.returncode == 0
