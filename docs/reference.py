"""``./dev docs [FOLDER]``: writes the reference of the library as pages, from the docstrings."""

import sys
import warnings
from pathlib import Path

import hutch
import hutch.images
import pdoc

FOLDER = Path("build") / "pages"
MODULES = (hutch, hutch.images)


def write_pages(folder: Path) -> None:
    """Writes index.html, and a page for each module of the library."""
    for module in MODULES:
        for name in module.__all__:
            setattr(module, name, getattr(module, name))  # pdoc asks only for what is there
    # Only the public names: no page for each file, and no source.
    pdoc.render.configure(docformat="restructuredtext", show_source=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a type in the standard library's own hints
        pdoc.pdoc("hutch", r"!hutch\.", "hutch.images", output_directory=folder)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    write_pages(target)
    print(target / "index.html")
