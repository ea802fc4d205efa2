"""Changing a container's limits and restart policy."""

from hutch.engine.containers import limits
from hutch.engine.containers import records as phases
from hutch.engine.containers.finish import finish
from hutch.engine.containers.options import Options
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.engine.errors import NoSuchContainer

# The fields of Options that may be changed, each with its value for "not given".
CHANGEABLE = (
    "memory", "memory_swap", "memory_reservation", "cpu_shares", "cpu_period", "cpu_quota",
    "nano_cpus",
    "cpuset_cpus", "cpuset_mems", "pids_limit", "blkio_weight",
)  # fmt: skip


def update(
    engine: Engine, record: Record, wanted: Options, restart: tuple[str, int] | None
) -> None:
    """Changes the options that ``wanted`` gives: at once if the container runs, and for its next
    starts. Raises UsageError or KernelError; then nothing is changed."""
    with engine.locked(record.id):
        current = finish(engine, record.id)
        if current is None:
            raise NoSuchContainer(record.name)
        options = current.options
        usual = Options()
        for name in CHANGEABLE:
            value = getattr(wanted, name)
            if value != getattr(usual, name):
                setattr(options, name, value)
        if wanted.nano_cpus:
            options.cpu_period = options.cpu_quota = 0
        elif wanted.cpu_period or wanted.cpu_quota:
            options.nano_cpus = 0
        resources = limits.resources(options)
        if current.phase == phases.RUNNING and resources:
            engine.runtime(record).update(resources)
        if restart is not None:
            options.restart, options.restart_limit = restart
        engine.records.save(current, "options")
        engine.events.of(current, "update")
