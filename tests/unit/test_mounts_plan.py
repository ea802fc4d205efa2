"""mounts in the plan: the option table of the spec, idmapped mounts, what a tmpfs takes over."""

from typing import Any

import pytest
from hutch.errors import ConfigError
from hutch.plan.features import features
from hutch.plan.mount_options import known_options, read_options
from hutch.plan.operations import COVER_CONTENTS, COVER_MODE, COVER_OWNER
from hutch.plan.steps import steps

from tests.support.plans import arguments, compiled, entered, named

# config.md, "Linux mount options" of runtime-spec 1.3.
OPTIONS = """
async atime bind defaults dev diratime dirsync exec idmap iversion lazytime loud mand noatime nodev
nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private
ratime rbind rdev rdiratime relatime remount rexec ridmap rnoatime rnodev rnodiratime rnoexec
rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave
rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync
tmpcopyup unbindable
""".split()  # noqa: SIM905


def mounted(entry: dict[str, Any], change: Any = lambda _: None) -> dict[str, Any]:
    """The arguments of the operation that mounts one more entry at /data."""

    def changed(config: dict[str, Any]) -> None:
        change(config)
        config["mounts"].append({"destination": "/data", **entry})

    plan = compiled(changed)
    kinds = ("mount", "bind", "remount")
    made = [one for one in plan.operations if one.name in kinds]
    return arguments(next(one for one in made if one.pointer == "mounts[7]"))


def test_every_option_of_the_spec_has_a_meaning_and_features_names_it() -> None:
    assert set(OPTIONS) <= set(known_options())
    assert features()["mountOptions"] == known_options()
    assert features()["linux"]["mountExtensions"]["idmap"]["enabled"]
    for word in OPTIONS:
        options = read_options([word])
        assert word not in options.data or word in (
            "ro", "sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand",
        )  # fmt: skip


def test_unknown_options_are_the_file_systems() -> None:
    options = read_options(["size=5m", "ro", "huge=always"])
    assert options.data == ["size=5m", "ro", "huge=always"]
    assert options.places == [0, 1, 2]


@pytest.mark.parametrize(
    ("words", "mode", "contents", "owner"),
    [
        ([], True, False, False),
        (["mode=700"], False, False, False),
        (["tmpcopyup"], True, True, True),
        (["tmpcopyup", "mode=700", "gid=5"], False, True, False),
    ],
)
def test_what_a_tmpfs_takes_over(words: list[str], mode: bool, contents: bool, owner: bool) -> None:
    cover = mounted({"type": "tmpfs", "options": words})["cover"]
    found = [bool(cover & bit) for bit in (COVER_MODE, COVER_CONTENTS, COVER_OWNER)]
    assert found == [mode, contents, owner]
    assert mounted({"type": "proc"})["cover"] == 0


def remounted(*entries: dict[str, Any]) -> list[tuple[str, object]]:
    """What is remounted after all mounts, and the field that asks for it."""
    plan = compiled(lambda config: config["mounts"].extend(entries))
    last = max(i for i, one in enumerate(plan.operations) if one.name == "symlink")
    found = [one for one in plan.operations[last:] if one.name == "remount"]
    assert all(arguments(one)["set"] == 1 and arguments(one)["bind"] == 1 for one in found)
    return [(one.pointer, one.values[0]) for one in found]


@pytest.mark.parametrize("words", [["ro"], ["tmpcopyup", "ro"], ["ro", "mode=755"], ["rro"]])
def test_a_tmpfs_becomes_read_only_after_all_that_is_made_below_it(words: list[str]) -> None:
    entry = {"type": "tmpfs", "destination": "/data", "options": [*words, "size=1m"]}
    values = mounted(entry)
    assert values["options"] == [word for word in words if "=" in word] + ["size=1m"]
    assert values["attributes"] == 0
    assert remounted(entry) == [("mounts[7]", "/data")]
    assert remounted({**entry, "options": [*words, "rw", "rrw"]}) == []


def test_what_covers_a_read_only_tmpfs_is_not_made_read_only() -> None:
    tmpfs = {"type": "tmpfs", "options": ["ro"]}
    above: dict[str, Any] = {"destination": "/a", "source": "/x", "options": ["bind"]}
    assert remounted({**tmpfs, "destination": "/a/b"}, above) == []
    assert remounted({**tmpfs, "destination": "/a"}, above) == []
    assert remounted(above, {**tmpfs, "destination": "/a/b/"}) == [("mounts[8]", "/a/b")]
    again: dict[str, Any] = {
        "destination": "/a",
        "source": "/x",
        "options": ["remount", "bind", "rw"],
    }
    assert remounted({**tmpfs, "destination": "/a"}, again) == []
    assert remounted({**tmpfs, "destination": "/ab"}, above, again) == [("mounts[7]", "/ab")]


@pytest.mark.parametrize("words", [["rbind", "bind"], ["bind", "rbind"], ["rbind", "ro", "bind"]])
def test_bind_beside_rbind_takes_nothing_away(words: list[str]) -> None:
    assert mounted({"source": "/x", "options": words})["recursive"] == 1


def test_recursive_attributes_of_each_kind_of_mount() -> None:
    new = mounted({"type": "ext4", "source": "/dev/x", "options": ["rro", "noexec", "rexec"]})
    assert new["attributes"] == 1
    bound = mounted({"source": "/x", "options": ["rbind", "rro", "rw", "rnoatime", "rnosuid"]})
    assert (bound["set"], bound["clear"]) == (0, 1)
    assert (bound["deep_set"], bound["deep_clear"]) == (0x13, 0x70)
    again = mounted({"options": ["remount", "bind", "rro"], "source": "/x"})
    assert (again["deep_set"], again["deep_clear"]) == (1, 0)


def test_iversion_is_for_new_mounts() -> None:
    assert mounted({"type": "ext4", "options": ["iversion"]})["flags"] == 1 << 23
    assert mounted({"type": "ext4", "options": ["iversion", "noiversion"]})["flags"] == 0
    with pytest.raises(ConfigError, match="iversion is for a new mount"):
        mounted({"options": ["remount", "iversion"]})
    plan = compiled(
        lambda config: config["mounts"].append(
            {"destination": "/x", "source": "/x", "options": ["bind", "iversion"]}
        )
    )
    assert "a bind mount has no file system options: iversion" in str(plan.warnings[0])


MAPS = {
    "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 5}],
    "gidMappings": [{"containerID": 0, "hostID": 2000, "size": 5}],
}


def test_descriptors_of_mappings_come_behind_those_of_namespaces() -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "cgroup"})
        for space in config["linux"]["namespaces"]:
            if space["type"] in ("ipc", "network"):
                space["path"] = "/proc/1/ns/x"
        config["mounts"] += [
            {"destination": "/a", "source": "/a", "options": ["rbind", "ridmap"], **MAPS},
            {"destination": "/b", "type": "tmpfs", "options": ["idmap"], **MAPS},
        ]

    plan = compiled(change, trace=True)
    (first, second) = plan.idmaps.values()
    assert (first.slot, second.slot) == (4, 5)
    assert (plan.start_slot, plan.trace_slot) == (6, 8)
    assert [arguments(operation)["slot"] for operation in named(plan, "enter_cgroups")] == [9]
    assert arguments(named(plan, "bind")[-1])["tree"] == 4
    assert arguments(named(plan, "mount")[-1])["idmap"] == 5
    assert (first.source, first.tree, first.recursive) == ("/a", True, True)
    assert (first.uid_map, first.gid_map) == ("0 1000 5\n", "0 2000 5\n")
    does = [step.does for step in steps(plan)]
    assert "clone /a, ids mapped: 0 1000 5" in does
    assert "make a user namespace of ids 0 1000 5" in does


def test_the_containers_mapping_serves_where_a_mount_has_none() -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "user"})
        config["linux"].update(MAPS)
        config["mounts"].append({"destination": "/a", "source": "a", "options": ["bind", "idmap"]})

    (idmap,) = compiled(change).idmaps.values()
    assert (idmap.uid_map, idmap.path, idmap.source) == ("0 1000 5\n", "", "/bundle/a")

    def joined(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "user", "path": "/proc/1/ns/user"})
        config["mounts"].append({"destination": "/a", "source": "a", "options": ["bind", "idmap"]})

    (idmap,) = compiled(joined).idmaps.values()
    assert (idmap.uid_map, idmap.path) == ("", "/proc/1/ns/user")
    assert entered(joined).idmaps == {}
