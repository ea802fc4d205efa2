"""The tests of CVEs can fail: Debian's older runtimes, which these CVEs are of, do fail them."""

import shutil

import pytest
from security.peers import results

pytestmark = pytest.mark.root

# A test for each that falls there every time, by the one run.
FALLS = {
    "runc": "test_s29_cve_2026_41579_cve_2026_47766_a_dev_that_is_a_link_changes_nothing_outside",
    "crun": "test_s29_cve_2026_41579_cve_2026_47766_a_dev_that_is_a_link_changes_nothing_outside",
}


@pytest.mark.parametrize("peer", FALLS)
def test_s28_an_older_runtime_fails_the_test_of_its_cve(peer: str) -> None:
    if not shutil.which(peer):
        pytest.skip(f"takes {peer}")
    assert results(peer, (FALLS[peer],)) == {FALLS[peer]: "falls"}
    assert results(None, (FALLS[peer],)) == {FALLS[peer]: "holds"}
