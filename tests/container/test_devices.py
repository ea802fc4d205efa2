"""linux.devices: nodes are made; in a user namespace the host's nodes are bound."""

from collections.abc import Callable

import pytest

from tests.support.containers import Bundle, Outcome, Runtime, reachable

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]


def in_user_namespace(bundle: Bundle) -> None:
    bundle.config["linux"]["namespaces"].append({"type": "user"})
    for field in ("uidMappings", "gidMappings"):
        bundle.config["linux"][field] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    reachable(bundle.path)


def with_device(bundle: Bundle, **device: object) -> Bundle:
    bundle.config["linux"]["devices"] = [{"type": "c", "major": 1, "minor": 3, **device}]
    return bundle.save()


def test_a_device_has_its_numbers_mode_and_owner(run: Run, bundle: Bundle) -> None:
    with_device(bundle, path="/dev/own/nothing", fileMode=0o640, uid=5, gid=6)
    bundle.config["linux"]["devices"].append(
        {"type": "p", "path": "/dev/pipe", "fileMode": 0o622, "uid": 7}
    )
    bundle.config["linux"]["devices"].append(
        {"type": "u", "path": "/dev/raw", "major": 1, "minor": 5, "fileMode": 0o600}
    )
    assert run(
        "stat -c '%F %t:%T %a %u:%g' /dev/own/nothing /dev/raw; stat -c '%F %a %u:%g' /dev/pipe"
    ).lines == [
        "character special file 1:3 640 5:6",
        "character special file 1:5 600 0:0",
        "fifo 622 7:0",
    ]


def test_in_a_user_namespace_the_hosts_device_is_bound_at_any_path(
    run: Run, bundle: Bundle
) -> None:
    in_user_namespace(bundle)
    with_device(bundle, path="/dev/own/nothing")
    done = run("stat -c '%F %t:%T' /dev/own/nothing /dev/null; echo x > /dev/own/nothing; echo $?")
    assert done.lines == ["character special file 1:3"] * 2 + ["0"]


def test_in_a_user_namespace_a_device_that_the_host_does_not_have_is_an_error(
    hutch: Runtime, bundle: Bundle
) -> None:
    in_user_namespace(bundle)
    with_device(bundle, path="/dev/nothing", major=240, minor=77)
    error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert "linux.devices[0]: bind the host's /dev/nothing: open_tree: no such file" in error
    assert "can only have devices that the host has" in error


def test_a_file_of_the_image_in_a_devices_place_is_an_error(hutch: Runtime, bundle: Bundle) -> None:
    (bundle.rootfs / "srv").mkdir()
    (bundle.rootfs / "srv" / "device").touch()
    with_device(bundle, path="/srv/device")
    error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert "linux.devices[0]" in error
    assert "another kind of file stands there" in error
