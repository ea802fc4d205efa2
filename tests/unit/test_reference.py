"""The reference of the library: each public name has a section, and each section a text."""

import inspect
import re
from pathlib import Path
from types import ModuleType

import hutch
import hutch.images
import pytest

from docs.reference import write_pages


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    write_pages(folder)
    return folder


@pytest.mark.parametrize(("module", "page"), [(hutch, "hutch"), (hutch.images, "hutch/images")])
def test_each_public_name_has_a_section(module: ModuleType, page: str, pages: Path) -> None:
    text = (pages / f"{page}.html").read_text()
    sections = set(re.findall(r'<section id="([\w.]+)"', text))
    assert set(module.__all__) <= sections


def test_each_public_function_says_what_it_does() -> None:
    missing = []
    for module in (hutch, hutch.images):
        for name in module.__all__:
            public = getattr(module, name)
            found = [(name, public)]
            if inspect.isclass(public) and public.__module__.startswith("hutch"):
                found += [
                    (f"{name}.{key}", value)
                    for key, value in vars(public).items()
                    if not key.startswith("_")
                    and (inspect.isfunction(value) or isinstance(value, property))
                ]
            missing += [key for key, value in found if not inspect.getdoc(value)]
    assert missing == []
