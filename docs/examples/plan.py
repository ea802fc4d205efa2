"""Prints what would be done for a bundle, without doing it; then makes a mistake in its config.

python plan.py
"""

import json
import tempfile
from pathlib import Path

import hutch
from hutch.spec.default import default_config


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder)
        (bundle / "rootfs").mkdir()
        path = bundle / "config.json"
        config = json.loads(json.dumps(default_config()))
        config["process"]["terminal"] = False
        path.write_text(json.dumps(config))
        for step in hutch.explain(str(bundle)):
            if step.pointer.startswith("mounts["):
                print(f"{step.pointer}: {step.does}")

        config["mounts"][1]["options"].append("sizee=1m")
        config["process"]["rlimits"] = [{"type": "RLIMIT_NOFIL", "soft": 1, "hard": 1}]
        path.write_text(json.dumps(config))
        try:
            hutch.explain(str(bundle))
        except hutch.ConfigError as error:
            print(f"{error.document}: {error.pointer} is {error.value!r}: {error.reason}")


if __name__ == "__main__":
    main()
