"""Writes the manual pages and completion scripts when the package is built.

    documents.py SOURCE FOLDER    below FOLDER, from the modules below SOURCE

The verbs of warren import C modules, so this is done after those are built. The names of the files
are known before (``document_files``).
"""

import sys
from collections.abc import Sequence
from pathlib import Path

COMPLETIONS = {
    "bash": "bash-completion/completions/{}",
    "zsh": "zsh/site-functions/_{}",
    "fish": "fish/vendor_completions.d/{}.fish",
}


def names(source: Path) -> list[str]:
    """The names of the documents, below the prefix's folder "share"."""
    sys.path.insert(0, str(source))
    try:
        from hutch.cli import table as hutch
        from hutch.cli.warren import table as warren
    finally:
        sys.path.remove(str(source))
    pages = ["man8/hutch.8", *(f"man8/hutch-{verb}.8" for verb in hutch.VERBS), "man1/warren.1"]
    for name in (*warren.NOUNS, *warren.VERBS, *warren.NOUN_VERBS):
        pages.append(f"man1/warren-{name.replace(' ', '-')}.1")
    scripts = [path.format(c) for path in COMPLETIONS.values() for c in ("hutch", "warren")]
    return ["man/" + page for page in pages] + scripts


def document_files(source: Path, folder: Path) -> list[tuple[str, Sequence[str]]]:
    """The ``data_files`` of setuptools: (directory below the prefix, [path]) of each document that
    will be below ``folder``."""
    return [(f"share/{Path(name).parent}", [str(folder / name)]) for name in names(source)]


def write_documents(source: Path, folder: Path) -> None:
    """Writes the documents below ``folder``, from the modules below ``source``."""
    sys.path.insert(0, str(source))
    from hutch.cli.cold.manual import pages
    from hutch.cli.completion import script
    from hutch.cli.warren.cold.manual import pages as warren_pages
    from hutch.cli.warren.complete.scripts import SCRIPTS

    files = {f"man/man8/{name}": text for name, text in pages().items()}
    files |= {f"man/man1/{name}": text for name, text in warren_pages().items()}
    for shell, path in COMPLETIONS.items():
        files |= {path.format("hutch"): script(shell), path.format("warren"): SCRIPTS[shell]}
    for name, text in files.items():
        document = folder / name
        document.parent.mkdir(parents=True, exist_ok=True)
        document.write_text(text)


if __name__ == "__main__":
    write_documents(Path(sys.argv[1]), Path(sys.argv[2]))
