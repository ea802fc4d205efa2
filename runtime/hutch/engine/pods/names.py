"""The names of a pod's containers in their /etc/hosts, which is one file for all who share the
network: that of the infra container. They are at 127.0.0.1, as with podman."""

from hutch.engine.containers.mounts import rewrite
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine

BEGIN = "# The containers of this pod"


def write_names(engine: Engine, infra: Record) -> None:
    """Writes the lines of the pod's containers anew; the rest of the file stays."""
    place = engine.places(infra).folder / "hosts"
    shared = f"container:{infra.id}"
    names = [one.name for one in engine.records.of_pod(infra.options.pod)
             if one.id == infra.id or one.options.network == shared]  # fmt: skip
    above, _, _ = place.read_text(encoding="utf-8", errors="replace").partition(BEGIN)
    rewrite(place, above + "\n".join([BEGIN, *(f"127.0.0.1\t{name}" for name in names), ""]))
