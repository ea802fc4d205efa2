"""Only what was checked is taken: this file is for the type checker, which lint runs.

Each call hands over a document that has the right form but was not checked. It must be an error:
an ignore that is not used is one too (mypy --strict).
"""

# mypy: enable-error-code="arg-type"

from hutch.container.enter import execute
from hutch.container.state import State
from hutch.container.store import Store
from hutch.container.update import update
from hutch.plan.choices import Choices
from hutch.plan.compile import compile_plan
from hutch.plan.enter import compile_exec
from hutch.plan.host import Host
from hutch.spec.check import check, check_process, check_resources
from hutch.spec.config import (
    CheckedConfig,
    CheckedProcess,
    CheckedResources,
    Config,
    Process,
    Resources,
)
from hutch.spec.default import default_config
from hutch.spec.json import decode


def unchecked(
    host: Host, store: Store, config: Config, process: Process, resources: Resources
) -> None:
    checked: CheckedConfig = check(config)[0]
    compile_plan(
        config,  # type: ignore[arg-type]
        host,
        id="x",
        bundle="/",
        cgroup=None,
        filter=None,
        choices=Choices(),
    )
    compile_exec(checked, process, host, id="x", filter=None)  # type: ignore[arg-type]
    execute(store, State(), checked, process, {})  # type: ignore[arg-type]
    update(store, "x", resources)  # type: ignore[arg-type]
    parsed: Config = decode(b"{}", "config.json")  # type: ignore[assignment]
    assert parsed


def test_the_check_gives_what_was_checked_its_type() -> None:
    config: CheckedConfig = check(default_config())[0]
    process: CheckedProcess = check_process(config["process"], config)[0]
    resources: CheckedResources = check_resources({"pids": {"limit": 5}})[0]
    assert config == default_config()
    assert process == config["process"]
    assert resources == {"pids": {"limit": 5}}
