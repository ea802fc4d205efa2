"""``./dev plots``: writes the pictures and the pages that show them."""

import argparse
from pathlib import Path

from conformance.plots.pages import ROOT, files


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev plots", description=__doc__)
    parser.add_argument(
        "--record", action="store_true", help="make the pictures in docs again, too"
    )
    options = parser.parse_args()
    if options.record:
        from conformance.plots.recording import record

        record(ROOT / "docs" / "session.svg", ROOT / "docs" / "explain.png")
    for path, content in files().items():
        if not path.exists() or path.read_text() != content:
            Path(path).write_text(content)
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
