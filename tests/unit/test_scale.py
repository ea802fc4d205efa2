"""The calculation of ./dev bench scale."""

import pytest

from conformance.bench.scale import CALLS, DAY, PROFILES, RUNTIMES, Profile, costs, table


def test_the_acts_of_a_day_are_counted() -> None:
    profile = Profile("x", 2, 3, 0.5, 2, 10, 4)
    assert profile.acts(100) == {
        "start": 100 * 3 * 3,
        "end": 100 * 3 * 3,
        "probe": 100 * 2 * 0.5 * 2 * DAY / 10,
        "state": 100 * 3 * 4,
    }


def test_a_cost_is_the_sum_of_the_medians_of_its_calls() -> None:
    measures = {measure for calls in CALLS.values() for measure in calls}
    samples = [[5.0, 1.0], [900.0, 2.0], [6.0, 900.0]]
    bench = {measure: dict.fromkeys(RUNTIMES, samples) for measure in measures}
    paid = costs(bench)
    assert paid["start"]["hutch"] == pytest.approx([0.012, 0.004])
    assert paid["end"]["runc"] == pytest.approx([0.018, 0.006])
    assert paid["probe"]["crun"] == pytest.approx([0.006, 0.002])


def test_the_table_multiplies() -> None:
    paid = {act: {name: [0.0, 0.01] for name in RUNTIMES} for act in CALLS}
    rows = table(paid, 10, 100, (Profile("x", 1, 1, 1, 1, 10, 0),)).splitlines()
    # 20 starts and ends, 86400 probes, each 10 ms: 864.4 s.
    assert rows[2] == "| x | 20 | 86,400 | runc | 14.4 | 1.00% | 24 | 1.0 |"
    assert [profile.name for profile in PROFILES if not profile.sentence()] == []
