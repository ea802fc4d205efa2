"""warren's networks on a kernel without a module that they need: it is told by name."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import Engine, eventually
from tests.support.networks import NetworkEngine, machine

pytestmark = [pytest.mark.root, pytest.mark.vm]

MODPROBE = Path("/run/modprobe.d/hutch-tests.conf")
MODULES = ("bridge", "veth", "nf_tables", "nft_masq")


@pytest.fixture
def bare(engine: Engine) -> Iterator[NetworkEngine]:
    """An engine on a host without the modules of networks; at the end they can be loaded again."""
    MODPROBE.parent.mkdir(exist_ok=True)
    with machine() as host:
        try:
            missing(*MODULES)
            # The kernel keeps them while it clears away a network namespace that has just gone.
            eventually(removed)
            yield NetworkEngine(engine.home, image=engine.image, host=host)
        finally:
            MODPROBE.unlink()


def missing(*modules: str) -> None:
    """From now on the kernel cannot load these, but all others (modprobe.d(5))."""
    MODPROBE.write_text("".join(f"install {name} /bin/false\n" for name in modules))


def removed() -> bool:
    """Removes the modules of networks; whether all are gone."""
    present = [line.split()[0] for line in Path("/proc/modules").read_text().splitlines()]
    # The newest first: they use the older ones.
    gone = [name for name in present if name in MODULES or name.startswith("nft_")]
    if gone:
        subprocess.run(["rmmod", *gone], check=False, stderr=subprocess.DEVNULL)
    return not gone


def test_a_missing_module_is_told_by_name(bare: NetworkEngine) -> None:
    run = ("run", "--rm", *bare.create(bare.image, "true"))
    for missed, said in (
        (MODULES, "no links of the type bridge (hint: modprobe bridge;"),
        (MODULES[2:], "no nf_tables, which networks need (hint: modprobe nf_tables;"),
        (MODULES[3:], "no nft_masq, which networks need (hint: modprobe nft_masq;"),
    ):
        missing(*missed)
        assert said in bare.fails(*run, status=125)
        assert bare.links() == []
    missing("none")
    assert bare.run(*run).returncode == 0
    assert bare.remains() == []
    assert bare.ok("ps", "-aq") == ""
