"""No file uses one that, by whatever way, uses it: each can be read with what lies below it."""

import pytest

from tests.support.import_graph import c_graph, circles, header_graph, python_graph

# One program or extension each.
C_FOLDERS = ("native/init", "native/json", "native/kernel", "native/launcher", "native/seccomp")


def test_no_python_file_is_in_a_circle_of_imports() -> None:
    graph = python_graph(("runtime", "native", "conformance", "tests"))
    assert circles(graph) == []


@pytest.mark.parametrize("folder", C_FOLDERS)
def test_no_c_file_is_in_a_circle_of_calls(folder: str) -> None:
    assert circles(c_graph(folder)) == []


def test_no_header_is_in_a_circle() -> None:
    assert circles(header_graph("native")) == []


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c", "x"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "x": set()}
    assert sorted(circles(graph)) == [["a", "b", "c"], ["d", "e"]]


def test_late_imports_and_calls_are_seen() -> None:
    python = python_graph(("runtime",))
    assert "runtime/hutch/cgroups/write_errors.py" in python["runtime/hutch/cgroups/tree.py"]
    assert "native/init/sync.c" in c_graph("native/init")["native/init/main.c"]
