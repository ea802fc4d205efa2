"""All that is known of a container, in the shape of ``docker container inspect``."""

from hutch.engine.containers import records as phases
from hutch.engine.containers import selinux
from hutch.engine.containers.config import command_line, hostname_of, stop_signal
from hutch.engine.containers.conmon import hutch_program
from hutch.engine.containers.ending import ending
from hutch.engine.containers.executions import running
from hutch.engine.containers.health import (
    READINESS,
    STARTUP,
    Health,
    document,
    probe_of,
    read,
)
from hutch.engine.containers.listing import exposes_of, rfc3339, status
from hutch.engine.containers.options import MountOption, Options
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.engine.network.describe import bindings, network_settings
from hutch.engine.volumes import Volume
from hutch.image.digest import Digest


def inspect(engine: Engine, record: Record) -> dict[str, object]:
    """The document. Raises ImageError if the image's config is damaged."""
    options, places = record.options, engine.places(record)
    execution = engine.image_config(record).checked()
    args = command_line(options, execution)
    exposes = exposes_of(engine, record)
    image = engine.store.database.image(Digest.parse(record.manifest))
    return {
        "Id": record.id,
        "Created": rfc3339(record.created),
        "Path": args[0],
        "Args": args[1:],
        "State": state(engine, record),
        "Image": image.id if image else "",
        "ImageManifest": record.manifest,
        "ResolvConfPath": str(places.folder / "resolv.conf"),
        "HostnamePath": str(places.folder / "hostname"),
        "HostsPath": str(places.folder / "hosts"),
        "LogPath": str(places.log) if options.log_driver == "k8s-file" else "",
        "Name": "/" + record.name,
        "RestartCount": record.restarts,
        "ExecIDs": running(engine, record) or None,
        "Driver": "overlay",
        "Platform": "linux",
        "OCIConfigPath": str(places.config),
        "OCIRuntime": hutch_program(options.runtime),
        "HostConfig": host_config(record),
        "GraphDriver": {
            "Name": "overlay",
            "Data": {
                "LowerDir": ":".join(
                    str(engine.store.layer_path(chain))
                    for chain in reversed(
                        engine.store.database.chains_of(Digest.parse(record.manifest))
                    )
                ),
                "UpperDir": str(places.upper),
                "WorkDir": str(places.work),
                "MergedDir": str(places.rootfs),
            },
        },
        "MountLabel": selinux.files_label(options, record.id),
        "ProcessLabel": selinux.process_label(options, record.id),
        "Mounts": [mount_point(engine, mount) for mount in options.mounts],
        "Config": {
            "Hostname": hostname_of(record),
            "Domainname": options.domainname,
            "User": options.user if options.user is not None else execution.get("User", ""),
            "Tty": options.tty,
            "OpenStdin": options.interactive,
            "StdinOnce": options.stdin_once,
            "Env": environment(options.env, execution.get("Env", [])),
            "Cmd": options.command or execution.get("Cmd", []),
            "Image": options.image,
            "WorkingDir": options.workdir or execution.get("WorkingDir", ""),
            "Entrypoint": execution.get("Entrypoint") or None
            if options.entrypoint is None
            else options.entrypoint,
            "Labels": options.labels,
            "StopSignal": stop_signal(options, execution),
            "StopTimeout": options.stop_timeout,
            **({"Healthcheck": document(options.health)} if options.health else {}),
            "ExposedPorts": {port: {} for port in exposes},
        },
        "NetworkSettings": network_settings(engine, record, exposes),
    }


def environment(own: list[str], image: list[str]) -> list[str]:
    """A container's variables, and those of the image that it does not set itself."""
    names = {word.partition("=")[0] for word in own}
    return [*own, *(word for word in image if word.partition("=")[0] not in names)]


def state(engine: Engine, record: Record) -> dict[str, object]:
    """The State part."""
    word = status(record)
    found_ending = ending(record)
    found = {
        "Status": word,
        "Running": record.phase == phases.RUNNING,
        "Paused": record.paused,
        "Restarting": record.phase == phases.RESTARTING,
        "OOMKilled": record.oom,
        "Dead": record.phase == phases.DEAD,
        "Pid": record.pid if record.phase == phases.RUNNING else 0,
        "ConmonPid": record.conmon if record.phase == phases.RUNNING else 0,
        "ExitCode": record.exit_code,
        "Error": record.error,
        "Reason": found_ending.get("reason", ""),
        "Ending": found_ending,
        "StartedAt": rfc3339(record.started),
        "FinishedAt": rfc3339(record.finished),
    }
    if record.options.health:
        found["Health"] = health_state(read(engine, record))
    for kind in (STARTUP, READINESS):
        if probe_of(record, kind):
            found[kind.capitalize()] = health_state(read(engine, record, kind))
    return found


def health_state(health: Health) -> dict[str, object]:
    """State.Health."""
    return {
        "Status": health.status,
        "FailingStreak": health.streak,
        "Log": [
            {
                "Start": rfc3339(check.begin),
                "End": rfc3339(check.end),
                "ExitCode": check.code,
                "Output": check.output,
            }
            for check in health.log
        ],
    }


def host_config(record: Record) -> dict[str, object]:
    """The HostConfig part."""
    options = record.options
    return {
        "AutoRemove": options.auto_remove,
        "Binds": [
            f"{m['source']}:{m['target']}" + (":ro" if m.get("readonly") else "")
            for m in options.mounts
            if m["kind"] in ("bind", "volume")
        ],
        "NetworkMode": options.network,
        "RestartPolicy": {"Name": options.restart, "MaximumRetryCount": options.restart_limit},
        "LogConfig": {"Type": options.log_driver, "Config": log_options(options)},
        "PortBindings": bindings(options.ports),
        "PublishAllPorts": options.publish_all,
        "CapAdd": options.cap_add,
        "CapDrop": options.cap_drop,
        "CgroupParent": options.cgroup_parent,
        "CgroupnsMode": options.cgroupns_mode,
        "Dns": options.dns,
        "DnsOptions": options.dns_option,
        "DnsSearch": options.dns_search,
        "ExtraHosts": options.add_host,
        "GroupAdd": options.group_add,
        "IpcMode": options.ipc_mode or "private",
        "PidMode": options.pid_mode,
        "UTSMode": options.uts_mode,
        "UsernsMode": options.userns_mode,
        "OomScoreAdj": options.oom_score_adj or 0,
        "Privileged": options.privileged,
        "ReadonlyRootfs": options.read_only,
        "ShmSize": options.shm_size,
        "Runtime": options.runtime or "hutch",
        "Init": options.init,
        "Sysctls": options.sysctls,
        "Memory": max(options.memory, 0),
        "MemorySwap": options.memory_swap,
        "MemoryReservation": options.memory_reservation,
        "MemorySwappiness": options.memory_swappiness,
        "OomKillDisable": options.oom_kill_disable,
        "CpuShares": options.cpu_shares,
        "CpuPeriod": options.cpu_period,
        "CpuQuota": options.cpu_quota,
        "CpusetCpus": options.cpuset_cpus,
        "CpusetMems": options.cpuset_mems,
        "NanoCpus": options.nano_cpus,
        "PidsLimit": options.pids_limit,
        "BlkioWeight": options.blkio_weight,
        "Ulimits": [
            {"Name": u["name"], "Soft": u["soft"], "Hard": u["hard"]} for u in options.ulimits
        ],
        "Devices": [
            {
                "PathOnHost": d["source"],
                "PathInContainer": d["target"],
                "CgroupPermissions": d["access"],
            }
            for d in options.devices
        ],
        "SecurityOpt": security_options(record),
        "VolumesFrom": options.volumes_from,
        "Annotations": options.annotations,
    }


def log_options(options: Options) -> dict[str, str]:
    """What --log-opt asked for."""
    asked = {"max-size": options.log_size, "max-file": options.log_files, "tag": options.log_tag}
    return {key: str(value) for key, value in asked.items() if value not in (0, 1, "")}


def security_options(record: Record) -> list[str]:
    """What --security-opt asked for."""
    options = record.options
    found = ["no-new-privileges"] if options.no_new_privileges else []
    found += ["seccomp=" + options.seccomp] if options.seccomp else []
    found += ["apparmor=" + options.apparmor] if options.apparmor is not None else []
    found += ["label=" + options.selinux] if options.selinux is not None else []
    found += ["mask=" + path for path in options.mask]
    return found + ["unmask=" + path for path in options.unmask]


def mount_point(engine: Engine, mount: MountOption) -> dict[str, object]:
    """One of Mounts."""
    kind = mount["kind"]
    found: dict[str, object] = {
        "Type": kind,
        "Source": mount["source"],
        "Destination": mount["target"],
        "Mode": "ro" if mount.get("readonly") else "",
        "RW": not mount.get("readonly"),
        "Propagation": mount.get("propagation", "rprivate" if kind == "bind" else ""),
    }
    if kind == "volume":
        found["Name"] = mount["source"]
        found["Driver"] = "local"
        found["Source"] = str(engine.volumes.path(mount["source"]))
    return found


def inspect_volume(engine: Engine, volume: Volume) -> dict[str, object]:
    """A volume, in the shape of ``docker volume inspect``."""
    return {
        "Name": volume.name,
        "Driver": "local",
        "Mountpoint": str(engine.volumes.path(volume.name)),
        "CreatedAt": rfc3339(volume.created),
        "Labels": volume.labels,
        "Options": volume.options,
        "Scope": "local",
        "Anonymous": volume.anonymous,
    }
