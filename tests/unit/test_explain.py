"""The complete explanation of a config, and that it agrees with the quick check."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hutch.errors import ConfigError
from hutch.plan.describe import WORDS
from hutch.plan.operations import NAMES
from hutch.spec import table
from hutch.spec.check import check, check_process, check_resources
from hutch.spec.cold.diagnostics import findings, process_findings, resources_findings, warnings
from hutch.spec.default import default_config
from hutch.spec.schema import json_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.support import config_grammar
from tests.support.complete_config import complete_config

Agreement = tuple[Any, Callable[[Any], object], Callable[[Any], list[ConfigError]]]


def agree(
    value: Any, check: Callable[[Any], object], findings: Callable[[Any], list[ConfigError]]
) -> bool:
    """Whether the value is refused, by both, and for a reason that both give."""
    found = {(finding.pointer, finding.reason) for finding in findings(value)}
    try:
        check(value)
    except ConfigError as error:
        assert (error.pointer, error.reason) in found
        return True
    assert not found
    return False


@given(st.randoms(use_true_random=False))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_quick_check_and_the_explanation_agree(chance: random.Random) -> None:
    config = config_grammar.config(chance)
    agree(config, check, findings)
    warnings(config)
    if isinstance(config, dict):
        agree(config.get("process"), check_process, process_findings)
        linux = config.get("linux")
        resources = linux.get("resources") if isinstance(linux, dict) else None
        agree(resources, check_resources, resources_findings)


def test_the_grammar_makes_both_good_and_bad_configs() -> None:
    chance = random.Random(3)
    refused = [agree(config_grammar.config(chance), check, findings) for _ in range(300)]
    assert 10 < sum(refused) < 290


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["ociVersion", "root", "linux", "mounts", "x"]), inner
            )
        ),
    )
)
@settings(deadline=None)  # fmt: skip
def test_any_json_value_is_judged_alike(value: Any) -> None:
    agree(value, check, findings)
    warnings(value)


@pytest.mark.parametrize("config", [complete_config(), default_config(), default_config(True)])
def test_a_good_config_has_neither_findings_nor_warnings(config: dict[str, Any]) -> None:
    assert findings(config) == []
    assert [str(warning) for warning in warnings(config)] == []


def pointers(problems: list[ConfigError]) -> list[str]:
    return [problem.pointer for problem in problems]


def test_all_problems_are_found_in_the_order_of_the_pointers() -> None:
    config = default_config()
    del config["root"]
    config["process"]["args"] = []
    config["process"]["rlimits"] *= 2
    config["mounts"] += [{"destination": 5}] * 6
    config["linux"]["namespaces"] = []
    assert pointers(findings(config)) == [
        "hostname",
        "mounts[7].destination",
        "mounts[8].destination",
        "mounts[9].destination",
        "mounts[10].destination",
        "mounts[11].destination",
        "mounts[12].destination",
        "process.args",
        "process.rlimits[1].type",
        "root",
    ]


def test_of_a_value_of_the_wrong_type_only_that_is_said() -> None:
    config = complete_config()
    config["linux"]["rootfsPropagation"] = 5
    config["linux"]["seccomp"]["syscalls"][0]["args"][0]["index"] = 7.5
    assert pointers(findings(config)) == [
        "linux.rootfsPropagation",
        "linux.seccomp.syscalls[0].args[0].index",
    ]


def test_a_rule_is_not_asked_about_fields_that_are_wrong_already() -> None:
    config = default_config()
    config["linux"]["namespaces"] = {"uts": True}
    assert pointers(findings(config)) == ["linux.namespaces"]


def test_a_value_that_is_nearly_right_gets_a_hint() -> None:
    config = default_config()
    config["process"]["rlimits"][0]["type"] = "RLIMIT_NOFILES"
    config["linux"]["namespaces"][0]["type"] = "PID"
    config["linux"]["rootfsPropagation"] = "nothing like it"
    config["linux"]["timeOffsets"] = {"boot": {}, "monotonc": {}}
    hints = {finding.pointer: finding.hint for finding in findings(config)}
    assert hints == {
        "linux.namespaces[0].type": 'did you mean "pid"?',
        "linux.rootfsPropagation": "",
        'linux.timeOffsets["boot"]': "",
        'linux.timeOffsets["monotonc"]': 'did you mean "monotonic"?',
        "process.rlimits[0].type": 'did you mean "RLIMIT_NOFILE"?',
    }


def test_a_missing_field_hints_at_a_misspelt_one() -> None:
    config = default_config()
    config["process"]["arg"] = config["process"].pop("args")
    (finding,) = findings(config)
    assert finding.pointer == "process.args"
    assert finding.hint == '"arg" is not known: is it meant?'


def test_unknown_properties_are_warnings_with_the_nearest_name() -> None:
    config = default_config()
    config["root"]["readOnly"] = True
    config["linux"]["resources"]["memmory"] = {}
    config["mounts"][2]["x-vendor"] = 1
    config["annotations"] = {"anything": "goes"}
    assert [(w.pointer, w.reason, w.hint) for w in warnings(config)] == [
        ("linux.resources.memmory", "is not known, and ignored", 'did you mean "memory"?'),
        ("mounts[2].x-vendor", "is not known, and ignored", ""),
        # "readonly" is there already, so it cannot be meant.
        ("root.readOnly", "is not known, and ignored", ""),
    ]
    assert findings(config) == []
    del config["root"]["readonly"]
    assert warnings(config)[-1].reason == 'is taken for "readonly"'


def test_unknown_capabilities_are_warnings_with_the_nearest_name() -> None:
    config = default_config()
    config["process"]["capabilities"]["bounding"].append("CAP_KIL")
    (warning,) = warnings(config)
    assert str(warning) == (
        'config.json: process.capabilities.bounding[3] = "CAP_KIL": is not known, and left out'
        ' (hint: did you mean "CAP_KILL"?)'
    )
    check(config)


@pytest.mark.parametrize("shape", [table.CONFIG, table.PROCESS, table.RESOURCES])
def test_the_schema_is_one(shape: Any) -> None:
    Draft202012Validator.check_schema(json_schema(shape))


def test_every_operation_has_its_words() -> None:
    assert sorted(WORDS) == sorted(NAMES)
