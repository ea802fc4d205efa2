"""A config from its bytes to the plan that `hutch explain` prints: an error is a HutchError.

    python config_fuzz.py bytes|grammar [LIBFUZZER-OPTION...]

``bytes`` are config.json as they are; ``grammar`` makes a config of them by config_grammar, mostly
right. Atheris finds out which inputs lead to code that was not reached before.
"""

import json
import random
import sys

import atheris

with atheris.instrument_imports(include=["hutch"]):
    from hutch.container.host import read_host
    from hutch.errors import HutchError
    from hutch.kernel.seccomp import Filter
    from hutch.plan.cgroup_paths import resolve
    from hutch.plan.choices import Choices
    from hutch.plan.compile import compile_plan
    from hutch.plan.encode import encode
    from hutch.plan.steps import as_table, steps
    from hutch.spec.check import check
    from hutch.spec.default import default_config
    from hutch.spec.json import decode
    from hutch.spec.table import CONFIG

    from tests.support import config_grammar

HOST = read_host()


class Given(random.Random):
    """Chance that is in the hand of the fuzzer: its numbers are the input's."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data
        self.at = 0

    def getrandbits(self, k: int, /) -> int:
        size = (k + 7) // 8
        part = self.data[self.at : self.at + size]
        self.at += size
        return int.from_bytes(part, "little") & ((1 << k) - 1)

    def random(self) -> float:
        return self.getrandbits(16) / (1 << 16)


def through(raw: bytes) -> None:
    """All that happens to a config before anything is done for it."""
    try:
        config, warnings = check(decode(raw, "config.json"))
        for warning in warnings:
            assert "\n" not in str(warning)
        linux = config.get("linux") or {}
        cgroup = resolve(linux.get("cgroupsPath"), "fuzz", HOST.cgroups, rootless=False)
        filter = Filter(b"12345678", 0, False, []) if linux.get("seccomp") else None
        plan = compile_plan(
            config, HOST, id="fuzz", bundle="/bundle", cgroup=cgroup, filter=filter,
            choices=Choices(),
        )  # fmt: skip
        encode(plan.operations)
        as_table(steps(plan))
    except HutchError as error:
        assert str(error) and "\n" not in str(error)


def from_grammar(data: bytes) -> None:
    chance = Given(data)
    if chance.getrandbits(8) % 2:
        config = config_grammar.config(chance)
    else:
        config = default_config()
        for _ in range(1 + chance.getrandbits(8) % 4):
            config_grammar.spoil(config, CONFIG, chance)
    through(json.dumps(config).encode())


if __name__ == "__main__":
    target = {"bytes": through, "grammar": from_grammar}[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
