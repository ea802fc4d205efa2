"""What programs do with docker-py, most of it by its lower interface; prints what it sees."""

import io
import json
import os
import tarfile
import time
from collections.abc import Callable
from typing import Any

import docker

IMAGE = "box:1"
NET = os.environ["WEB_NET"]


def archive(**files: bytes) -> bytes:
    """A tar archive with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def containers(low: Any) -> None:
    """A container from its creation to its end."""
    config = low.create_host_config(
        network_mode="none", mem_limit="64m", cpu_quota=50000, cpu_period=100000, pids_limit=50,
        cap_add=["NET_ADMIN"], tmpfs={"/t": "size=64k"}, init=True, read_only=True,
        ulimits=[docker.types.Ulimit(name="nofile", soft=100, hard=200)],
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 2},
        security_opt=["no-new-privileges"], sysctls={"net.ipv4.ip_forward": "1"},
        mounts=[docker.types.Mount("/v", "pyvol", labels={"k": "v"})],
        extra_hosts={"other": "10.0.0.1"}, shm_size="1m", group_add=["50"],
    )  # fmt: skip
    words = ["sh", "-c", "trap 'exit 7' TERM; echo out; echo err >&2; while :; do sleep 0.1; done"]
    made = low.create_container(
        IMAGE, words, name="low", environment={"A": "b"}, labels=["one"], host_config=config,
        hostname="hosted", user="root", working_dir="/t", stop_signal="TERM", detach=True,
        healthcheck={"test": ["CMD", "true"], "interval": 1000000000},
    )  # fmt: skip
    id = made["Id"]
    print("warnings", made["Warnings"])
    low.start(id)
    while len(low.logs(id).splitlines()) < 2:
        time.sleep(0.1)
    found = low.inspect_container(id)
    host = found["HostConfig"]
    for name in ("Memory", "CpuQuota", "CpuPeriod", "PidsLimit", "CapAdd", "Init", "ReadonlyRootfs",
                 "Ulimits", "RestartPolicy", "SecurityOpt", "Sysctls", "ExtraHosts", "ShmSize",
                 "GroupAdd", "NetworkMode", "Privileged", "AutoRemove", "Tmpfs"):  # fmt: skip
        value = host.get(name)
        print(name, json.dumps(value, sort_keys=True))
    for name in ("Hostname", "Env", "Cmd", "Labels", "User", "WorkingDir", "StopSignal", "Tty"):
        print(name, found["Config"].get(name))
    print("state", found["State"]["Status"], found["State"]["ExitCode"], found["RestartCount"])
    run = low.exec_create(id, ["sh", "-c", "cat; echo e >&2; exit 3"], stdin=True)
    connection = low.exec_start(run["Id"], socket=True)
    raw = getattr(connection, "_sock", connection)
    raw.sendall(b"given\n")
    raw.shutdown(1)
    data = b""
    while part := raw.recv(1000):
        data += part
    print("exec", sorted(data.splitlines()), low.exec_inspect(run["Id"])["ExitCode"])
    run = low.exec_create(id, "id -u", user="guest", tty=True, environment=["X=y"], workdir="/data")
    print("exec", low.exec_start(run["Id"], tty=True), low.exec_inspect(run["Id"])["ExitCode"])
    print("put", low.put_archive(id, "/v", archive(given=b"data")))
    print("stat", low.get_archive(id, "/etc/passwd")[1]["name"])
    sample = low.stats(id, stream=False)
    print("stats", sorted(sample.keys() - {"os_type"}), sample["memory_stats"]["limit"])
    print("top", low.top(id)["Titles"])
    low.pause(id)
    print("paused", low.containers(filters={"status": "paused"})[0]["Names"])
    low.unpause(id)
    low.rename(id, "lower")
    low.stop(id, timeout=5)
    print("wait", sorted(low.wait(id).items()), low.containers(all=True, limit=1)[0]["State"])
    print("logs", low.logs(id, stderr=False), low.logs(id, stdout=False))
    # docker also lists the places of mounts.
    print("diff", [one for one in low.diff(id) if one["Path"] not in ("/t", "/v")])
    low.remove_container(id, v=True)


def networks(low: Any) -> None:
    """A network with a container in it."""
    pool = docker.types.IPAMPool(subnet=f"{NET}.0/24", gateway=f"{NET}.1")
    made = low.create_network("pynet", "bridge", ipam=docker.types.IPAMConfig(pool_configs=[pool]),
                              internal=True, labels={"k": "v"})  # fmt: skip
    print("network", made["Warning"])
    joined = low.create_networking_config(
        {"pynet": low.create_endpoint_config(ipv4_address=f"{NET}.9", aliases=["nick"])}
    )
    id = low.create_container(IMAGE, "sleep 1000", networking_config=joined)["Id"]
    low.start(id)
    settings = low.inspect_container(id)["NetworkSettings"]["Networks"]["pynet"]
    # docker names a gateway that leads nowhere.
    print("address", settings["IPAddress"], settings["IPPrefixLen"])
    print("members", [one["IPv4Address"] for one in
                      low.inspect_network("pynet")["Containers"].values()])  # fmt: skip
    low.disconnect_container_from_network(id, "pynet")
    low.connect_container_to_network(id, "pynet", aliases=["again"])
    low.remove_container(id, force=True)
    low.remove_network("pynet")


def images(low: Any) -> None:
    """Images: made, named, saved, read, removed."""
    print("import", "sha256" in low.import_image_from_data(archive(f=b"x"), "py", "1"))
    print("tag", low.tag("py:1", "py", "2"))
    saved = b"".join(low.get_image("py:2"))
    low.remove_image("py:1")
    low.remove_image("py:2")
    print("load", [line.get("stream") for line in low.load_image(saved)])
    print("history", len(low.history("py:2")), low.inspect_image("py:2")["RepoTags"])
    low.remove_image("py:2")
    low.remove_volume("pyvol")
    questions: list[Callable[[], object]] = [
        lambda: low.inspect_image("py:2"), lambda: low.inspect_container("none"),
        lambda: low.inspect_network("nothing"), lambda: low.inspect_volume("pyvol"),
        lambda: low.create_container(IMAGE, name="bad/name"), lambda: low.start("none"),
        lambda: low.kill("none"), lambda: low.remove_container("none"),
    ]  # fmt: skip
    for question in questions:
        try:
            print("answer", question())
        except docker.errors.APIError as error:
            print(type(error).__name__, error.response.status_code)


def main() -> None:
    low: Any = docker.from_env(version="1.41").api
    containers(low)
    networks(low)
    images(low)
    print("events", list(low.events(since=0, until=1, decode=True)))
    for answer, name in (
        (low.prune_containers(), "ContainersDeleted"), (low.prune_volumes(), "VolumesDeleted"),
        (low.prune_networks(), "NetworksDeleted"), (low.prune_images(), "ImagesDeleted"),
    ):  # fmt: skip
        print("pruned", answer[name] or [])


if __name__ == "__main__":
    main()
