"""Whether the AppArmor profile for containers is there to be given."""

from pathlib import Path

import pytest
from hutch.defaults import apparmor
from hutch.defaults.config import container_config


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for the kernel's list of profiles."""
    path = tmp_path / "profiles"
    monkeypatch.setattr(apparmor, "LOADED", path)
    return path


def test_a_config_names_the_profile_only_where_it_is_loaded(loaded: Path) -> None:
    assert "apparmorProfile" not in container_config()["process"]
    loaded.write_text("docker-default (enforce)\nhutch-default-not (enforce)\n")
    assert "apparmorProfile" not in container_config()["process"]
    loaded.write_text("docker-default (enforce)\nhutch-default (enforce)\n")
    process = container_config()["process"]
    assert process.get("apparmorProfile") == ("hutch-default" if apparmor_for_caller() else None)


def apparmor_for_caller() -> bool:
    """It takes root to name a profile: others cannot tell whether it is loaded."""
    return "user" not in [entry["type"] for entry in container_config()["linux"]["namespaces"]]
