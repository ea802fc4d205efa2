"""Links the static programs: hutch-init and the commands' launchers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NATIVE = Path("native")
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
HARDENING = ["-fstack-protector-strong", "-D_FORTIFY_SOURCE=2"]
# The output is the same in any folder: __FILE__ and debugging information have relative paths.
ANYWHERE = [f"-ffile-prefix-map={ROOT}=."]
COMMANDS = {"hutch": "hutch.cli.main", "warren": "hutch.cli.warren"}


def static_compiler() -> list[str]:
    """The compiler and linker flags for static, position-independent programs (S-14, S-84).

    musl is used if it is installed. musl-gcc has no -static-pie, so the start file and the options
    of the linker are given here. It also hides the kernel's headers, so -idirafter adds their
    directories after musl's own. The variable STATIC_CC has the words of another compiler, such as
    one for another machine (wheels/__main__.py).
    """
    if words := os.environ.get("STATIC_CC"):
        return words.split()
    if not shutil.which("musl-gcc"):
        return [os.environ.get("CC", "cc"), "-static-pie"]
    triplet = subprocess.check_output(["gcc", "-print-multiarch"], text=True).strip()
    library = triplet.replace("-gnu", "-musl")
    headers = ["/usr/include", f"/usr/include/{triplet}"]
    return [
        "musl-gcc", *(arg for path in headers for arg in ("-idirafter", path)),
        "-static", "-nostartfiles", "-Wl,-pie", "-Wl,--no-dynamic-linker",
        f"/usr/lib/{library}/rcrt1.o",
    ]  # fmt: skip


def compile_static(sources: list[Path], output: Path, *flags: str) -> None:
    """Links a static, stripped program. Raises CalledProcessError; the compiler prints why."""
    output.parent.mkdir(parents=True, exist_ok=True)
    command = [
        *static_compiler(), "-std=gnu11", "-D_GNU_SOURCE", "-Os", "-fPIE", "-s",
        "-ffunction-sections", "-Wl,--gc-sections,-z,relro,-z,now", *WARNINGS, *HARDENING, *flags,
        *ANYWHERE, "-I", str(NATIVE), "-o", str(output.absolute()), *map(str, sources),
    ]  # fmt: skip
    print(" ".join(command))
    subprocess.run(command, check=True, cwd=ROOT)


def compile_init(output: Path) -> None:
    """Links hutch-init."""
    sources = sorted((ROOT / NATIVE / "init").glob("*.c"))
    compile_static([path.relative_to(ROOT) for path in sources], output)


def compile_health(folder: Path) -> None:
    """Links warren-health, which stays with containers that have a health check, and warren-probe,
    which it runs for checks of a port."""
    compile_static([NATIVE / "health" / "monitor.c"], folder / "warren-health")
    compile_static([NATIVE / "health" / "probe.c"], folder / "warren-probe")


def launcher(name: str, output: Path, archive: str = "", mark: str = "") -> None:
    """Links the program that starts the interpreter for a command; the modules are read from the
    package, or from the file ``archive`` in its libexec. ``mark`` as for ``naming``."""
    flags = [f'-DMODULE="{COMMANDS[name]}"', *naming(name, mark)]
    if archive:
        flags.append(f'-DARCHIVE="{archive}"')
    compile_static([NATIVE / "launcher" / "launcher.c"], output, *flags)


def naming(name: str, mark: str = "") -> list[str]:
    """The macros that native/launcher/places.h needs, as flags of the compiler. With the name of a
    file ``mark``, the program finds its package in any place (machine.py)."""
    if mark:
        return [f'-DPROGRAM="{name}"', f'-DMARK="{mark}"']
    version = "{}.{}".format(*sys.version_info)
    return [
        f'-DPROGRAM="{name}"', f'-DPYTHON_VERSION="{version}"', f'-DINSTALLED="{sys.prefix}"',
    ]  # fmt: skip
