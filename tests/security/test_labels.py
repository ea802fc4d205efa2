"""Labels of an image never control a runtime."""

import os
from pathlib import Path

import pytest
from hutch.defaults.config import container_config
from hutch.image.bundle import apply_image
from hutch.image.manifest import ImageConfig
from hutch.image.platform import Platform

pytestmark = pytest.mark.no_runtime


def annotations_of(labels: dict[str, str], tmp_path: Path) -> object:
    """The annotations in the bundle of an image with these labels."""
    document = {"config": {"Labels": labels, "Cmd": ["true"]}}
    image = ImageConfig(document, Platform("linux", "amd64"), [], b"")
    config = container_config()
    root = os.open(tmp_path, os.O_RDONLY)
    apply_image(config, image, root)
    os.close(root)
    return config["annotations"]


@pytest.mark.parametrize(
    "label",
    [
        "org.systemd.property.ExecStopPost", "Org.systemd.property.ExecStopPost",
        "ORG.SYSTEMD.PROPERTY.ExecStopPost", " org.systemd.property.ExecStopPost",
        "org.criu.config", "run.oci.handler", "Run.OCI.handler", "module.wasm.image/variant",
        "module.wasm.image", "io.kubernetes.cri-o.Devices", "io.katacontainers.config.hypervisor",
        "io.podman.annotations.label", "dev.hutch.x", "com.example.hook", "run/oci", "",
        "org.opencontainers.imagex", "Org.opencontainers.image.title",
    ],
)  # fmt: skip
def test_s43_cve_2026_53488_labels_do_not_become_annotations_that_a_runtime_acts_on(
    label: str, tmp_path: Path
) -> None:
    kept = {"org.opencontainers.image.title": "kept", "maintainer": "kept"}
    assert annotations_of({label: "sh", **kept}, tmp_path) == kept
