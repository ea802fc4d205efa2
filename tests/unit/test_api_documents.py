"""The Docker Engine API's documents: bodies become Options, errors statuses, paths routes."""

import json
from pathlib import Path

import pytest
from hutch.api.archives import described
from hutch.api.create import options_from
from hutch.api.errors import ApiError, message_of, status_of
from hutch.api.fields import Document, yes
from hutch.api.frames import frame
from hutch.api.routes import MISSING, ROUTES, find, split_version, table
from hutch.api.selection import filters
from hutch.engine.containers.copy import PathStatus
from hutch.engine.containers.options import Options
from hutch.engine.errors import Conflict, NoSuchContainer, StartFailed
from hutch.engine.filters import holds
from hutch.errors import HutchError, KernelError, UsageError
from hutch.image.errors import ImageNotFound


def made(host: Document | None = None, **body: object) -> Options:
    return options_from({"Image": "box", "HostConfig": host or {}, **body})


def test_zero_null_and_absent_are_the_same() -> None:
    """Clients written in Go send every field; docker-py leaves them out."""
    zero = made(
        {
            "Binds": None, "Mounts": [], "Memory": 0, "NanoCpus": 0, "ShmSize": 0, "PidMode": "",
            "IpcMode": "", "CgroupnsMode": "",
            "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
            "LogConfig": {"Type": "", "Config": {}}, "PidsLimit": 0, "MemorySwappiness": -1,
            "OomKillDisable": False, "MaskedPaths": None, "ReadonlyPaths": None, "Ulimits": None,
            "ConsoleSize": [0, 0], "Links": None, "DeviceRequests": None, "BlkioWeightDevice": [],
        },
        Cmd=None, Entrypoint=None, Env=[], Labels={}, User="", WorkingDir="", Volumes={},
        OnBuild=None, StdinOnce=False,
    )  # fmt: skip
    assert zero.json() == made().json()


def test_what_a_body_asks_for() -> None:
    options = made(
        {
            "Binds": ["vol:/data:ro", "/tmp:/host"],
            "Mounts": [
                {
                    "Type": "tmpfs", "Target": "/run",
                    "TmpfsOptions": {"SizeBytes": 4096, "Mode": 0o700},
                },
                {"Type": "bind", "Source": "/a,b", "Target": "/c", "ReadOnly": True},
            ],
            "NanoCpus": 1_500_000_000, "Memory": 1 << 20, "AutoRemove": True,
            "Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}],
            "SecurityOpt": ["no-new-privileges", 'seccomp={"defaultAction": "SCMP_ACT_ALLOW"}'],
            "Devices": [
                {"PathOnHost": "/dev/null", "PathInContainer": "", "CgroupPermissions": ""},
            ],
            "RestartPolicy": {"Name": "no"}, "LogConfig": {"Type": "json-file"},
            "BlkioDeviceReadBps": [{"Path": "/dev/vda", "Rate": 5}],
        },
        Cmd=["sh", "-c", "true"], Entrypoint=[], Tty=True, OpenStdin=True, Env=["A=b"],
        Healthcheck={"Test": ["CMD", "true"], "Interval": 2_000_000_000, "Retries": 4},
        Volumes={"/host": {}, "/more": {}}, StopTimeout=3,
    )  # fmt: skip
    assert options.command == ["sh", "-c", "true"]
    assert options.entrypoint is None
    assert [(m["kind"], m["source"], m["target"]) for m in options.mounts] == [
        ("volume", "vol", "/data"), ("bind", "/tmp", "/host"), ("tmpfs", "", "/run"),
        ("bind", "/a,b", "/c"), ("volume", "", "/more"),
    ]  # fmt: skip
    assert options.mounts[2]["size"] == 4096
    assert options.mounts[2]["mode"] == 0o700
    assert (options.nano_cpus, options.memory) == (1_500_000_000, 1 << 20)
    assert options.ulimits == [{"name": "nofile", "soft": 10, "hard": 20}]
    assert options.no_new_privileges
    assert json.loads(options.seccomp)
    assert options.devices == [{"source": "/dev/null", "target": "/dev/null", "access": "rwm"}]
    assert options.health == {"test": ["CMD", "true"], "interval": 2.0, "retries": 4}
    assert options.throttle == {"device-read-bps": [{"path": "/dev/vda", "rate": 5}]}
    assert (options.tty, options.interactive, options.stop_timeout) == (True, True, 3)


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        ({}, 400, "Image"),
        ({"Image": 5}, 400, "Image"),
        ({"Image": "box", "Cmd": {"a": 1}}, 400, "Cmd"),
        ({"Image": "box", "Env": [1]}, 400, "Env"),
        ({"Image": "box", "Tty": "yes"}, 400, "Tty"),
        ({"Image": "box", "HostConfig": []}, 400, "HostConfig"),
        ({"Image": "box", "HostConfig": {"Memory": "1g"}}, 400, "Memory"),
        ({"Image": "box", "HostConfig": {"Memory": 1.5}}, 400, "Memory"),
        ({"Image": "box", "HostConfig": {"PidMode": "odd"}}, 400, "PidMode"),
        ({"Image": "box", "HostConfig": {"Binds": ["a:b:c:d"]}}, 400, "volume"),
        ({"Image": "box", "HostConfig": {"Mounts": [{"Type": "npipe"}]}}, 400, "npipe"),
        ({"Image": "box", "HostConfig": {"DeviceRequests": [{"Count": -1}]}}, 501, "Device"),
        ({"Image": "box", "HostConfig": {"SecurityOpt": ["seccomp=/etc/passwd"]}}, 400, "JSON"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be(body: Document, status: int, name: str) -> None:
    with pytest.raises(HutchError) as raised:
        options_from(body)
    assert status_of(raised.value) == status
    assert name in raised.value.sentence


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoSuchContainer("x"), 404), (ImageNotFound("x"), 404), (Conflict("taken", id="x"), 409),
        (UsageError("wrong"), 400), (KernelError("open x", "open", 2), 500),
        (StartFailed("not found", 127), 400), (StartFailed("other", 125), 500),
        (ApiError(501, "missing"), 501),
    ],
)  # fmt: skip
def test_statuses(error: HutchError, status: int) -> None:
    assert status_of(error) == status


def test_an_image_that_is_missing_in_the_words_that_make_clients_pull() -> None:
    assert message_of(ImageNotFound("box:1")) == "No such image: box:1"


@pytest.mark.parametrize("value", ["1", "true", "True"])
def test_truth_of_a_query(value: str) -> None:
    assert yes({"all": value}, "all")


@pytest.mark.parametrize("value", ["", "0", "false", "False"])
def test_no_of_a_query(value: str) -> None:
    assert not yes({"all": value}, "all", True)
    assert yes({}, "all", True)


def test_filters_in_both_forms() -> None:
    known = ("label", "a")
    one = filters({"filters": '{"label": {"a=b": true, "c": false}}'}, known)
    assert one == {"label": ["a=b"]}
    assert filters({"filters": '{"label": ["a=b", "c"]}'}, known) == {"label": ["a=b", "c"]}
    assert filters({}, known) == {}
    for wrong in ("{", "[]", '{"a": 1}', '{"a": [1]}', "[" * 100_000):
        with pytest.raises(UsageError):
            filters({"filters": wrong}, known)
    with pytest.raises(ApiError, match="invalid filter"):
        filters({"filters": '{"b": ["c"]}'}, known)


def test_any_value_of_a_filter_will_do_but_all_labels_must_hold() -> None:
    def is_x(name: str, value: str) -> bool:
        return value == "x"

    assert holds({"name": ["x", "y"], "label": ["x"]}, is_x)
    assert holds({"name": []}, is_x)
    assert not holds({"name": ["y"]}, is_x)
    assert not holds({"label": ["x", "y"]}, is_x)


def test_frames() -> None:
    assert frame("stderr", b"abc") == b"\x02\0\0\0\0\0\0\x03abc"
    assert frame("stdout", b"") == b"\x01\0\0\0\0\0\0\0"


def test_modes_are_those_of_go() -> None:
    import base64
    import os

    status = os.stat_result((0o41777, 1, 1, 1, 0, 0, 4096, 0, 0, 0))
    header = described(PathStatus("tmp", status, ""))["X-Docker-Container-Path-Stat"]
    document = json.loads(base64.b64decode(header))
    assert document["mode"] == 1 << 31 | 1 << 20 | 0o777
    assert document["name"] == "tmp"


def test_versions_and_image_names_in_paths() -> None:
    assert split_version("/v1.41/_ping") == ((1, 41), "/_ping")
    assert split_version("/_ping") == (None, "/_ping")
    _, names = find("GET", "/images/127.0.0.1:5000/a/b:1/json")
    assert names == {"name": "127.0.0.1:5000/a/b:1"}
    assert find("GET", "/images/json")[1] == {}
    assert find("POST", "/images/a/b/push")[1] == {"name": "a/b"}
    for method, path, status in (
        ("PATCH", "/containers/json", 405), ("GET", "/nothing/here", 404), ("GET", "/swarm", 501),
    ):  # fmt: skip
        with pytest.raises(ApiError) as refused:
            find(method, path)
        assert refused.value.status == status


@pytest.mark.parametrize("route", MISSING, ids=lambda route: f"{route[0]} {route[1]}")
def test_what_is_missing_says_so_by_name(route: tuple[str, ...]) -> None:
    method, path, what = route
    with pytest.raises(ApiError, match=what) as refused:
        find(method, path.replace("{id}", "x").replace("{name*}", "a/b").replace("{name}", "v"))
    assert refused.value.status == 501


def test_the_table_of_the_documentation_is_that_of_the_routes() -> None:
    place = Path(__file__).parents[2] / "docs" / "engine-api.md"
    assert place.read_text().endswith("\n\n" + table())


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]} {route[1]}")
def test_each_route_has_a_handler(route: list[str]) -> None:
    method, path, _ = route
    handler, _ = find(
        method, path.replace("{id}", "x").replace("{name*}", "a/b").replace("{name}", "v")
    )
    assert handler.__doc__
