"""Writes the manual pages and completion scripts when the package is built."""

import sys
from collections.abc import Sequence
from pathlib import Path

COMPLETIONS = {
    "bash": "bash-completion/completions/{}",
    "zsh": "zsh/site-functions/_{}",
    "fish": "fish/vendor_completions.d/{}.fish",
}


def write_documents(source: Path, folder: Path) -> list[tuple[str, Sequence[str]]]:
    """Writes the documents below ``folder``, from the modules below ``source``.

    Returns the ``data_files`` of setuptools: (directory below the prefix, [path]) of each file.
    """
    sys.path.insert(0, str(source))
    try:
        from hutch.cli.cold.manual import pages
        from hutch.cli.completion import script
        from hutch.cli.warren.cold.manual import pages as warren_pages
        from hutch.cli.warren.complete.scripts import SCRIPTS
    finally:
        sys.path.remove(str(source))
    files = {f"man/man8/{name}": text for name, text in pages().items()}
    files |= {f"man/man1/{name}": text for name, text in warren_pages().items()}
    for shell, path in COMPLETIONS.items():
        files |= {path.format("hutch"): script(shell), path.format("warren"): SCRIPTS[shell]}
    found: list[tuple[str, Sequence[str]]] = []
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        found.append((f"share/{Path(name).parent}", [str(path)]))
    return found
