"""``./dev conformance``: what the specification demands, asked of hutch, runc and crun.

Without arguments our own suite runs. With --programs it is the validation programs of
opencontainers/runtime-tools, built by whoever has a checkout.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from conformance.runtimes import Runtime, find, strict_flags

DEFAULT = ("hutch", "runc", "crun")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev conformance", description=__doc__)
    parser.add_argument(
        "--runtime", action="append", metavar="NAME", help="a command or path (may be repeated)"
    )
    parser.add_argument("--programs", type=Path, metavar="DIR", help="built validation programs")
    parser.add_argument("--only", action="append", metavar="NAME", help="only these programs")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the programs' output here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        runtimes = [
            Runtime(
                Path(given).name, find(given), Path(name) / Path(given).name, strict_flags(given)
            )
            for given in options.runtime or DEFAULT
        ]
        return validate(runtimes, options)


def validate(runtimes: list[Runtime], options: argparse.Namespace) -> int:
    """Runs the validation programs; 1 where hutch does otherwise than expected."""
    from conformance.programs.expected import expected
    from conformance.programs.run import programs_in, run, version_of
    from conformance.programs.table import Results, render, surprises

    folder = options.programs.absolute()
    programs = programs_in(folder)
    version = version_of(programs, folder)
    expectations = expected(version)
    results: Results = {}
    for program, path in programs.items():
        if options.only and program not in options.only:
            continue
        results[program] = {}
        for runtime in runtimes:
            verdict, output = run(path, folder, runtime)
            results[program][runtime.name] = verdict
            print(f"{program:34} {runtime.name:8} {verdict}", file=sys.stderr, flush=True)
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / f"{program}.{runtime.name}").write_text(output)
    print(f"Validation programs of ociVersion {version}\n")
    print("\n".join(f"- {runtime.name}: {runtime.version()}" for runtime in runtimes) + "\n")
    print(render(results, expectations))
    found = [
        sentence
        for runtime in runtimes
        if runtime.name == "hutch"
        for sentence in surprises(results, runtime.name, expectations)
    ]
    for sentence in found:
        print("conformance: " + sentence, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
