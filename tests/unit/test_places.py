"""The places of values in the text of a config; what is left of a config without wrong fields."""

import random
from typing import Any

import pytest
from hutch.container.cold.file_systems import OPTIONS, wrong_option
from hutch.container.cold.remaining import Remaining
from hutch.errors import ConfigError
from hutch.spec.check import check
from hutch.spec.cold.places import Places, json_pointer, path_of
from hutch.spec.cold.sections import SECTIONS, section_of
from hutch.spec.default import default_config
from hutch.spec.table import CONFIG

from tests.support import config_grammar

TEXT = """{
  "ociVersion": "1.0.2", "Root": {"path":
      "a"},
  "mounts": [
    {}, {"options": ["\\"x", "y"]}
  ]
}"""


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        ((), False, (1, 1)),
        (("ociVersion",), False, (2, 17)),
        (("ociVersion",), True, (2, 3)),
        (("root", "path"), False, (3, 7)),  # the case of letters does not matter
        (("mounts", 1, "options", 1), False, (5, 29)),
        (("mounts", 1, "options"), True, (5, 10)),
        (("mounts", 1, "type"), True, (5, 9)),  # missing: the object around it
        (("process", "args"), True, (1, 1)),
    ],
)
def test_a_value_is_at_its_line_and_column(
    path: tuple[str | int, ...], key: bool, place: tuple[int, int]
) -> None:
    assert Places(TEXT).of(path, key=key) == place


def test_a_pointer_leads_to_its_path() -> None:
    config = {"linux": {"sysctl": {"a.b/c": "1"}}, "mounts": [{"options": ["x"]}]}
    assert path_of('linux.sysctl["a.b/c"]', config) == (("linux", "sysctl", "a.b/c"), ())
    assert path_of("mounts[0].options[0]", config) == (("mounts", 0, "options", 0), ())
    assert path_of("mounts[0].type", config) == (("mounts", 0), ("type",))
    assert path_of("process.user.uid", config) == ((), ("process", "user", "uid"))
    assert json_pointer(("linux", "sysctl", "a.b/c", "~", 0)) == "/linux/sysctl/a.b~1c/~0/0"


def test_what_is_taken_out_keeps_its_first_place() -> None:
    config: Any = {"mounts": [{"destination": f"/{n}", "options": ["a", "b"]} for n in range(5)]}
    remaining = Remaining(config)
    assert remaining.take_out("mounts[1].options[0]")  # the whole mount
    assert remaining.take_out("mounts[2]")
    left: Any = remaining.config
    assert [one["destination"] for one in left["mounts"]] == ["/0", "/2", "/4"]
    assert remaining.first_pointer("mounts[2].options[1]") == "mounts[4].options[1]"
    assert remaining.first_pointer("mounts[1].type") == "mounts[2].type"
    assert remaining.removed == [("mounts", 1), ("mounts", 3)]
    assert len(config["mounts"]) == 5


def test_what_a_container_needs_gets_a_stand_in() -> None:
    remaining = Remaining({"process": {"cwd": 5, "args": []}})
    for _ in range(10):
        try:
            check(remaining.config)
            break
        except ConfigError as error:
            assert remaining.take_out(error.pointer)
    assert remaining.has_stand_in("process", "args")
    assert remaining.has_stand_in("root", "path")
    assert not remaining.has_stand_in("process")


def test_any_config_can_be_made_good_by_taking_out() -> None:
    for seed in range(200):
        remaining = Remaining(config_grammar.config(random.Random(seed)))
        for _ in range(500):
            try:
                check(remaining.config)
                break
            except ConfigError as error:
                assert remaining.take_out(error.pointer), (seed, error)
        else:
            raise AssertionError(seed)


def test_sections_are_of_fields_that_exist() -> None:
    for field in SECTIONS:
        shape = CONFIG
        for name in filter(None, field.split(".")):
            shape = shape[2][name]
    assert section_of("linux.resources.memory.limit") == "config-linux.md#memory"
    assert section_of("mounts[3].options[1]") == "config.md#mounts"
    assert section_of("document") == "config.md"


@pytest.mark.parametrize(
    ("fstype", "option", "words"),
    [
        ("tmpfs", "size=64k", ""),
        ("tmpfs", "size=50%", ""),
        ("tmpfs", "ro", ""),
        ("tmpfs", "context=a:b:c:s0", ""),
        ("tmpfs", "size", "needs a value"),
        ("tmpfs", "noswap=1", "takes no value"),
        ("tmpfs", "uid=4294967295", "at most 4294967294"),
        ("proc", "hidepid=invisible", ""),
        ("proc", "hidepid=3", "does not take this value"),
        ("mqueue", "size=1", "no option size"),
        ("ext4", "anything", ""),
    ],
)
def test_options_of_file_systems(fstype: str, option: str, words: str) -> None:
    found = wrong_option(fstype, option)
    assert (words in found) if words else found == ""


def test_the_options_of_the_default_config_are_known() -> None:
    from hutch.plan.mount_options import read_options

    for config in (default_config(), default_config(True)):
        for mount in config["mounts"]:
            for word in read_options(mount.get("options") or []).data:
                assert mount["type"] not in OPTIONS or wrong_option(mount["type"], word) == ""
