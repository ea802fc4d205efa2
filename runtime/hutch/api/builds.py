"""POST /build: an image from a Dockerfile and a context that the client sends."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hutch.api.archives import with_body
from hutch.api.call import Call
from hutch.api.errors import ApiError
from hutch.api.fields import Document, parts, text, whole, words, yes
from hutch.api.images import claim, tell
from hutch.api.registries import at_registry
from hutch.engine.building.build import NETWORKS, Wanted, scratch
from hutch.engine.building.build import build as make
from hutch.engine.building.build import prune as remove
from hutch.engine.containers.copy import unpack_tar
from hutch.errors import HutchError, KernelError, UsageError, shown

# Parameters of Docker's that buildah has as flags of the same meaning.
LIMITS = {
    "memory": "--memory", "memswap": "--memory-swap", "cpushares": "--cpu-shares",
    "cpuperiod": "--cpu-period", "cpuquota": "--cpu-quota", "shmsize": "--shm-size",
}  # fmt: skip
WORDS = {"cpusetcpus": "--cpuset-cpus", "cpusetmems": "--cpuset-mems",
         "cgroupparent": "--cgroup-parent"}  # fmt: skip


def build(call: Call) -> None:
    """POST /build?t=&dockerfile=&buildargs=&labels=&target=&platform=&networkmode=&nocache=&pull=
    and q, and the limits of RUN steps; the body is the context, a tar archive."""
    query = call.query
    if query.get("version", "1") == "2":
        raise ApiError(501, "version=2: this engine does not have BuildKit")
    for name in ("remote", "outputs"):
        if query.get(name):
            raise ApiError(501, f"{name}: this engine builds from the request's body alone")
    quiet = yes(query, "q")
    with scratch(call.engine) as work, context_of(call, work) as folder:
        wanted = Wanted(
            context=folder,
            dockerfile=inside(query.get("dockerfile") or "Dockerfile"),
            names=[name for name in call.exchange.repeated.get("t", []) if name],
            arguments=words(document(query, "buildargs"), "it"),
            target=query.get("target", ""),
            platform=query.get("platform", ""),
            network=network_of(query),
            cache=not yes(query, "nocache"),
            pull=yes(query, "pull"),
            flags=list(flags(call)),
        )
        with at_registry(call) as progress:
            # docker-py takes what fails from here on as a failure of the build.
            call.exchange.begin("application/json")

            def show(data: bytes) -> None:
                if not quiet:
                    progress.say({"stream": data.decode(errors="replace")})

            image = make(call.engine, wanted, show)
            for name in wanted.names:
                claim(call, name)
                tell(call, "tag", name)
            progress.say({"aux": {"ID": image.id}})
            if quiet:
                progress.say({"stream": image.id + "\n"})
                return
            short = image.id.removeprefix("sha256:")[:12]
            progress.say({"stream": f"Successfully built {short}\n"})
            for name in wanted.names:
                progress.say({"stream": f"Successfully tagged {name}\n"})


@contextmanager
def context_of(call: Call, work: Path) -> Iterator[Path]:
    """The folder with what the client has sent. It is unpacked by a process whose root the folder
    is, so no entry leaves it."""
    folder = work / "context"
    folder.mkdir(mode=0o700)
    root = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        with_body(
            call.exchange.chunks(),
            lambda source: unpack_tar(root, "/", source, owners=True, own=(0, 0)),
        )
    except KernelError:
        raise
    except HutchError as error:
        raise ApiError(400, f"the context of the build: {error.sentence}") from None
    finally:
        os.close(root)
    yield folder


def inside(path: str) -> str:
    """A path in the context. Raises UsageError for one that leads out."""
    if path.startswith("/") or ".." in path.split("/"):
        raise UsageError(f"dockerfile={shown(path)} is not in the context of the build")
    return path


def document(query: dict[str, str], name: str) -> Document:
    """A JSON object of the query, under the name "it"; null values are as if they were not there.
    Raises UsageError."""
    try:
        found = json.loads(query.get(name) or "{}")
    except (ValueError, RecursionError):
        raise UsageError(f"{name} is not JSON") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UsageError(f"{name}: {shown(found)} is not an object")
    return {"it": {key: value for key, value in found.items() if value is not None}}


def network_of(query: dict[str, str]) -> str:
    """The network of RUN steps. Raises ApiError."""
    name = query.get("networkmode", "")
    name = "bridge" if name in ("", "default") else name
    if name not in NETWORKS:
        raise ApiError(501, f"networkmode={shown(name)}: builds have {', '.join(NETWORKS)} only")
    return name


def flags(call: Call) -> Iterator[str]:
    """The rest of the query, as flags of buildah. Raises UsageError."""
    query = call.query
    for name, flag in LIMITS.items():
        if (number := whole(query, name, 0, bits=64)) > 0:
            yield f"{flag}={number}" + ("b" if "memory" in flag or "shm" in flag else "")
    for name, flag in WORDS.items():
        if query.get(name):
            yield f"{flag}={query[name]}"
    for key, value in words(document(query, "labels"), "it").items():
        yield f"--label={key}={value}"
    for host in query.get("extrahosts", "").split(","):
        if host:
            yield f"--add-host={host}"
    limits = query.get("ulimits") or "null"
    try:
        given = {"ulimits": json.loads(limits)}
    except (ValueError, RecursionError):
        raise UsageError("ulimits is not JSON") from None
    for one in parts(given, "ulimits"):
        yield f"--ulimit={text(one, 'Name')}={one.get('Soft')}:{one.get('Hard')}"
    if yes(query, "squash"):
        yield "--squash"
    if yes(query, "forcerm"):
        yield "--force-rm"


def prune(call: Call) -> None:
    """POST /build/prune: removes the cache of builds."""
    call.exchange.json({"CachesDeleted": [], "SpaceReclaimed": remove(call.engine)})
