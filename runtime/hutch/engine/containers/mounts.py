"""What is mounted in a container beside its root: binds, volumes, tmpfs, and /etc's own files."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hutch.engine.containers import selinux
from hutch.engine.containers.id_maps import root_of
from hutch.engine.containers.options import MountOption, Options
from hutch.engine.containers.places import Places
from hutch.engine.containers.staging import stage_image, stage_shm, stage_subpath
from hutch.engine.volumes import Volumes
from hutch.errors import KernelError, UsageError, shown

if TYPE_CHECKING:
    from hutch.spec.config import Config, Mount

SHM = 64 << 20
MOST = 3  # nameservers that resolv.conf(5) reads
RESOLV_CONF = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")
TMPFS = ["nosuid", "nodev", "noexec"]
PROPAGATIONS = ("private", "rprivate", "slave", "rslave", "shared", "rshared")


def lay(
    config: "Config",
    options: Options,
    places: Places,
    volumes: Volumes,
    root: int,
    donor: Places | None = None,
) -> None:
    """Adds the container's mounts to ``config``; a volume that is new takes over what the image
    has at its place. ``root`` is the root file system, open; ``donor`` the container whose /dev/shm
    is shared (--ipc container:NAME)."""
    standing, label = config["mounts"], config["linux"].get("mountLabel", "")
    if options.shm_size:
        for mount in standing:
            if mount["destination"] == "/dev/shm":  # noqa: S108
                kept = [word for word in mount.get("options", []) if not word.startswith("size=")]
                mount["options"] = [*kept, f"size={options.shm_size}"]
    wanted = own_files(options, places)
    if label:
        for mount in wanted:
            selinux.make_usable(mount["source"])
    wanted += options_mounts(options, places, volumes, root, label)
    if options.ipc_mode == "shareable":
        shm = stage_shm(places, options.shm_size or SHM, label)
        os.chown(shm, *root_of(options))
        wanted.append(bind(str(shm), {"target": "/dev/shm"}))  # noqa: S108
    elif donor is not None:
        wanted.append(bind(str(donor.staged / "shm"), {"target": "/dev/shm"}))  # noqa: S108
    targets = {mount["destination"] for mount in wanted}
    config["mounts"] = [mount for mount in standing if mount["destination"] not in targets]
    config["mounts"] += sorted(wanted, key=lambda mount: mount["destination"].count("/"))


def options_mounts(
    options: Options, places: Places, volumes: Volumes, root: int, label: str
) -> "list[Mount]":
    """One for each ``-v``, ``--mount`` and ``--tmpfs``; ``label`` is that of the container's files
    for SELinux."""
    found: list[Mount] = []
    for number, option in enumerate(options.mounts):
        kind, subpath = option["kind"], option.get("subpath", "")
        if kind == "tmpfs":
            found.append(tmpfs(option))
            continue
        if kind == "volume":
            source, readonly = volumes.source(option["source"])
            if readonly:
                option = {**option, "readonly": True}  # noqa: PLW2901
            if not source.is_dir():
                raise UsageError(f"volume {option['source']}: {source} of the host is no folder")
            if not option.get("nocopy"):
                volumes.fill(option["source"], root, option["target"])
            if options.uid_map and not any(source.iterdir()) and source.stat().st_uid == 0:
                os.chown(source, *root_of(options))  # a new one, and the image has nothing there
            if label:
                selinux.make_usable(str(source))
        elif kind == "image":
            name = f"image-{number}"
            source = stage_image(volumes.store, places, name, option["manifest"], label)
            option = {**option, "readonly": True}  # noqa: PLW2901
        else:
            source = Path(option["source"])
            if not source.exists():
                if not option.get("create"):
                    raise UsageError(
                        f"invalid mount: bind source path does not exist: {option['source']}"
                    )
                try:
                    source.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise KernelError(f"make {source}", "mkdir", error.errno) from None
            if label and source.is_relative_to(volumes.store.root / "pods"):
                selinux.make_usable(str(source))  # a volume of the pod
        if subpath:
            source = stage_subpath(places, f"subpath-{number}", source, subpath)
        if option.get("relabel"):
            own = label if option["relabel"] == "Z" else ""
            selinux.relabel(str(source), own or selinux.FILES + selinux.SHARED)
        if option.get("chown"):
            volumes.give(source, options, root)
        found.append(bind(str(source), option))
    return found


def bind(source: str, option: MountOption) -> "Mount":
    """A bind mount of a path of the host."""
    recursive = option.get("recursive", True)
    words = ["rbind" if recursive else "bind", *option.get("options", [])]
    if option.get("readonly"):
        words.append("ro")
    propagation = option.get("propagation") or "rprivate"
    if propagation not in PROPAGATIONS:
        raise UsageError(f"{shown(propagation)} is no propagation", hint=", ".join(PROPAGATIONS))
    words.append(propagation)
    return {
        "destination": option["target"], "type": "bind", "source": source, "options": words,
    }  # fmt: skip


def tmpfs(option: MountOption) -> "Mount":
    """A tmpfs: noexec, nosuid, nodev, unless its options say otherwise."""
    given = option.get("options", [])
    words = [word for word in TMPFS if word.removeprefix("no") not in given and word not in given]
    words += given
    if option.get("size"):
        words.append(f"size={option['size']}")
    if option.get("mode"):
        words.append(f"mode={option['mode']:o}")
    if option.get("readonly"):
        words.append("ro")
    return {
        "destination": option["target"], "type": "tmpfs", "source": "tmpfs", "options": words,
    }  # fmt: skip


def own_files(options: Options, places: Places) -> "list[Mount]":
    """/etc/hosts, /etc/hostname and /etc/resolv.conf, made by ``write_files``; who has another's
    network (container:ID) has its files, too."""
    targets = {option["target"] for option in options.mounts}
    found: list[Mount] = []
    shared = options.network.removeprefix("container:")
    for name in ("hosts", "hostname", "resolv.conf"):
        target = "/etc/" + name
        folder = places.folder
        if shared != options.network and name != "hostname":
            folder = folder.with_name(shared)
        if (folder / name).exists() and target not in targets:
            found.append(bind(str(folder / name), {"target": target}))
    return found


class Neighbourhood(NamedTuple):
    """What /etc says of a container's networks: its own addresses, the address of the host in the
    first one, the nameservers that know its neighbours, and the address at which the host's
    nameserver is reached if that is at 127.0.0.1 or the like."""

    addresses: Sequence[str] = ()
    gateway: str = ""
    nameservers: Sequence[str] = ()
    forwarder: str = ""


def write_files(
    options: Options,
    places: Places,
    hostname: str,
    own: Neighbourhood = Neighbourhood(),  # noqa: B008
) -> None:
    """The files of /etc that say who and where the container is."""
    lines = [
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
    ]
    if own.addresses:
        names = f"{hostname}.{options.domainname} {hostname}" if options.domainname else hostname
        lines += [
            "fe00::0\tip6-localnet", "ff00::0\tip6-mcastprefix", "ff02::1\tip6-allnodes",
            "ff02::2\tip6-allrouters", *(f"{address}\t{names}" for address in own.addresses),
        ]  # fmt: skip
    elif options.network != "host":
        lines.append(f"127.0.0.1\t{hostname}")
    else:
        try:
            hosts = Path("/etc/hosts").read_text(errors="replace").splitlines()
        except OSError:
            hosts = []
        lines = hosts or lines
    for text in options.add_host:
        name, parted, address = text.replace("=", ":", 1).partition(":")
        if not parted or not name or not address:
            raise UsageError(f"--add-host {shown(text)}", hint="as in HOST:ADDRESS")
        if address == "host-gateway":
            if not own.gateway:
                raise UsageError(
                    f"--add-host {shown(text)}: the container has no network with a gateway",
                    hint="--network bridge, or the address of the host",
                )
            address = own.gateway
        lines.append(f"{address}\t{name}")
    rewrite(places.folder / "hosts", "\n".join(lines) + "\n")
    rewrite(places.folder / "hostname", hostname + "\n")
    rewrite(places.folder / "resolv.conf", resolv_conf(options, own))
    if options.uid_map:
        for name in ("hosts", "hostname", "resolv.conf"):
            os.chown(places.folder / name, *root_of(options))


def nameservers(lines: list[str]) -> list[str]:
    """The addresses of a resolv.conf."""
    parts = [line.split() for line in lines]
    return [part[1] for part in parts if len(part) > 1 and part[0] == "nameserver"]


def resolv_conf(options: Options, own: Neighbourhood) -> str:
    """The host's resolv.conf, changed by --dns, --dns-search and --dns-option. Where names of other
    containers are known, their nameserver asks those of --dns in turn."""

    def read(path: str) -> list[str]:
        try:
            return Path(path).read_text(errors="replace").splitlines()
        except OSError:
            return []

    def local(address: str) -> bool:
        return address.startswith("127.") or address == "::1"

    lines = read(RESOLV_CONF[0])
    if own.addresses and not own.nameservers:
        # In the container nothing answers at 127.0.0.53. This file has systemd-resolved's servers.
        if lines and all(map(local, nameservers(lines))):
            lines = read(RESOLV_CONF[1]) or lines
        lines = [line for line in lines if not any(map(local, nameservers([line])))]
        if own.forwarder and not nameservers(lines):
            lines.append(f"nameserver {own.forwarder}")

    def without(word: str) -> None:
        lines[:] = [line for line in lines if not line.strip().startswith(word)]

    if servers := own.nameservers[:MOST] or options.dns:
        without("nameserver")
        lines += [f"nameserver {address}" for address in servers]
    if options.dns_search:
        without("search")
        without("domain")
        if options.dns_search != ["."]:
            lines.append("search " + " ".join(options.dns_search))
    if options.dns_option:
        without("options")
        lines.append("options " + " ".join(options.dns_option))
    return "".join(line + "\n" for line in lines)


def rewrite(path: Path, text: str) -> None:
    """Writes a file in place: it may be bound into a running container."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(file.fileno(), 0o644)
