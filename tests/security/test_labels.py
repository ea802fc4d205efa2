"""What an image says of itself never steers a runtime."""

import os
from pathlib import Path

from hutch.image.bundle import ACTED_ON, apply_image, base_config
from hutch.image.manifest import ImageConfig
from hutch.image.platform import Platform


def test_s43_cve_2026_53488_labels_do_not_become_annotations_that_a_runtime_acts_on(
    tmp_path: Path,
) -> None:
    labels = {prefix + "ExecStopPost": "sh" for prefix in ACTED_ON}
    assert "org.systemd.property.ExecStopPost" in labels
    labels["org.example.harmless"] = "kept"
    document = {"config": {"Labels": labels, "Cmd": ["true"]}}
    image = ImageConfig(document, Platform("linux", "amd64"), [], b"")
    config = base_config()
    root = os.open(tmp_path, os.O_RDONLY)
    apply_image(config, image, root)
    os.close(root)
    assert config["annotations"] == {"org.example.harmless": "kept"}
