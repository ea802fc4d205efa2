"""The documents name what is there: files, commands, and each module in its folder's README."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "runtime" / "hutch"
FOLDERS = sorted({path.parent for path in PACKAGE.rglob("__init__.py")})
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *PACKAGE.rglob("README.md")]
)
# Where a path in a document may begin.
BASES = (ROOT, PACKAGE, ROOT / "runtime")
FILE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|pyi|c|h|def|md|toml|txt|sh|yml))(?:::\w+)?`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_package_has_a_readme_that_lists_its_modules(folder: Path) -> None:
    words = set(re.findall(r"[\w/]+", (folder / "README.md").read_text()))
    modules = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("__")}
    packages = {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}
    assert modules | packages <= words


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_that_is_named_is_there(document: Path) -> None:
    text = document.read_text()
    bases = (document.parent, *BASES)
    named = FILE.findall(text)
    missing = [name for name in named if not any((base / name).exists() for base in bases)]
    missing += [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_command_of_dev_that_is_named_is_there(document: Path) -> None:
    known = {"help", *re.findall(r"^  (\w+) ", (ROOT / "dev").read_text(), re.MULTILINE)}
    assert set(re.findall(r"\./dev (\w+)", document.read_text())) <= known
