"""Runs programs that are not trusted, with limits for memory, processes and time.

python limits.py IMAGE
"""

import sys

import hutch

PROGRAMS = {
    "well behaved": "echo $((6 * 7))",
    "wants memory": "a=x; while true; do a=$a$a; done",
    "wants time": "sleep 1000",
    "wants the network": "cat /proc/net/route | wc -l",
    "wants root": "id -u",
}


def judge(image: str, script: str) -> str:
    """What became of the script, in a few words."""
    result = hutch.run(
        image, ["sh", "-c", script], memory="32m", pids=16, cpus=1, timeout=3, max_output=1000
    )
    if result.timed_out:
        return f"stopped after {result.usage.wall:.0f} s"
    if result.oom_killed:
        return f"killed: it wanted more than {result.usage.memory >> 20} MiB"
    if not result.ok:
        return f"failed with {result.exit_code}: {result.stderr.decode(errors='replace').strip()}"
    return f"printed {result.text.strip()!r}"


def main(image: str) -> None:
    for name, script in PROGRAMS.items():
        print(f"{name}: {judge(image, script)}")


if __name__ == "__main__":
    main(sys.argv[1])
