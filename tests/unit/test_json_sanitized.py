"""The JSON extension under AddressSanitizer and UndefinedBehaviorSanitizer."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMPILER = sysconfig.get_config_var("CC").split()[0]


def test_hostile_texts_touch_no_memory_that_is_not_theirs(tmp_path: Path) -> None:
    subprocess.run(
        [
            COMPILER, "-std=gnu11", "-g", "-O1", "-fPIC", "-shared", "-fno-sanitize-recover=all",
            "-fsanitize=address,undefined", "-fno-omit-frame-pointer",
            f"-I{sysconfig.get_path('include')}", str(ROOT / "native/json/json.c"),
            "-o", str(tmp_path / "_json.so"),
        ],
        check=True,
    )  # fmt: skip
    runtime = subprocess.run(
        [COMPILER, "-print-file-name=libasan.so"], check=True, capture_output=True, text=True
    ).stdout.strip()
    result = subprocess.run(
        [
            sys.executable,
            "-S",
            str(ROOT / "tests" / "support" / "hostile_json.py"),
            str(tmp_path / "_json.so"),
        ],
        env={
            **os.environ,
            "LD_PRELOAD": runtime,
            # Every object is a piece of memory of its own, with guarded ends.
            "PYTHONMALLOC": "malloc",
            # The interpreter itself frees less than it takes.
            "ASAN_OPTIONS": "detect_leaks=0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    module, good, bad = result.stdout.split()
    assert module == str(tmp_path / "_json.so")
    assert int(good) > 3000
    assert int(bad) > 3000
