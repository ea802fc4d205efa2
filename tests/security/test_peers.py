"""The verdicts of ./dev security: for hutch, for a vulnerable runtime, and for a command that is
not a runtime."""

from pathlib import Path

import pytest

from tests.security.peers import ABSENT, FALLS, HOLDS, results
from tests.support.containers import COMMAND, Bundle, Runtime

pytestmark = pytest.mark.root

NAME = "test_s29_cve_2026_41579_cve_2026_47766_a_dev_that_is_a_link_changes_nothing_outside"
# Follows a link at the image's /dev, like vulnerable runtimes.
FOLLOWS = f"""#!/bin/sh
for word; do
    [ ! -L "$word/rootfs/dev" ] || touch "$word/rootfs/dev/console"
done
exec {COMMAND} "$@"
"""


def stand_in(path: Path, script: str) -> str:
    path.write_text(script)
    path.chmod(0o755)
    return str(path)


def test_s28_a_plain_container_runs(hutch: Runtime, bundle: Bundle) -> None:
    """The control of all verdicts of ./dev security."""
    bundle.sh("echo reached")
    assert hutch("run", "-b", str(bundle.path), "plain").out == "reached\n"


def test_s28_a_verdict_is_holds_falls_or_does_not_run_here(tmp_path: Path) -> None:
    assert results(COMMAND, (NAME,)) == {NAME: HOLDS}
    assert results(stand_in(tmp_path / "follows", FOLLOWS), (NAME,)) == {NAME: FALLS}
    assert results(stand_in(tmp_path / "none", "#!/bin/sh\nexit 1\n"), (NAME,)) == {NAME: ABSENT}
