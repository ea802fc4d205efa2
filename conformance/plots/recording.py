"""Records a session: commands that really run, in a shell on a terminal, as an animated SVG. The
page that one of them writes is photographed in a browser.

The keys are pressed by this program, at a person's speed. All else is what the terminal got, at
the time at which it got it. The picture repeats; a reader who wants no motion sees its end.
"""

import json
import os
import pty
import select
import subprocess
import sys
import tempfile
import time
from html import escape
from pathlib import Path
from typing import NamedTuple

import pyte

from conformance.bench.bundle import make_bundle

LINES, COLUMNS = 27, 104
COMMANDS = (
    ("hutch check", 3.0),
    ("hutch run web", 4.0),
    ("sed -i s/sizee=1m/size=1m/ config.json; hutch run web", 2.5),
    ("hutch explain | tr -s ' ' | tail -n 9", 5.0),
    ("hutch --trace t run web; hutch explain --html web.html --times t; ls -sh web.html", 3.0),
    ("sed -i 's/echo hello.*)/sleep 1000/' config.json", 0.5),
    ("hutch run -d one; hutch top -n 1", 6.0),
)
KEY = 0.045  # seconds from one key to the next
QUIET = 0.4  # seconds without output: the command has ended, and the prompt is there
PROMPT = "\x1b[32m$\x1b[0m "
LETTER, HIGH, MARGIN = 7.8, 18, 16
COLORS = {"green": "#7fc49b", "red": "#ea8177", "brown": "#d9b25f", "blue": "#8ab8e8"}
STYLE = """
svg { font: 13px ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace; }
text { fill: #e6e3dd; white-space: pre; }
"""
STILL = "@media (prefers-reduced-motion: reduce) { text { animation: none !important; } }\n"


class Run(NamedTuple):
    """A line of the screen: on ``row``, from ``begin`` to ``end`` (seconds)."""

    row: int
    content: str
    begin: float
    end: float


def record(session: Path, page: Path) -> None:
    """Records the commands, and writes both pictures."""
    with tempfile.TemporaryDirectory(prefix="session-") as folder:
        place = Path(folder)
        _bundle(place)
        runs, length = _session(place)
        subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--window-size=1280,960", f"--user-data-dir={place}/profile", f"--screenshot={page}",
             (place / "bundle" / "web.html").as_uri()],
            check=True, capture_output=True,
        )  # fmt: skip
        subprocess.run(
            [Path(sys.prefix) / "bin" / "hutch", "--root", place / "state", "delete", "--force",
             "one"], check=True,
        )  # fmt: skip
    session.write_text(_svg(runs, length))


def _bundle(place: Path) -> None:
    path = Path(make_bundle(place / "bundle", "true"))
    config = json.loads((path / "config.json").read_text())
    config["process"]["args"] = ["sh", "-c", "echo hello from $(hostname)"]
    config["hostname"] = "rabbit"
    config["linux"]["cgroupsPath"] = "/session/web"
    config["linux"]["resources"] = {"memory": {"limit": 64 << 20}, "pids": {"limit": 32}}
    (dev,) = [one for one in config["mounts"] if one["destination"] == "/dev"]
    dev["options"] = ["nosuid", "strictatime", "mode=755", "sizee=1m"]
    (path / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def _session(place: Path) -> tuple[list[Run], float]:
    """What each line of the screen showed, and when; and the length of it all."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(place / "bundle")
        os.environ.update(
            TERM="linux", PATH=f"{sys.prefix}/bin:/usr/bin:/bin", COLUMNS=str(COLUMNS),
        )  # fmt: skip
        script = f'hutch() {{ command hutch --root {place}/state "$@"; }}; export -f hutch'
        os.execvp(
            "bash",
            [
                "bash",
                "--norc",
                "--noprofile",
                "-c",
                f"{script}; exec env PS1='{PROMPT}' bash --norc -i",
            ],
        )
    import fcntl
    import struct
    import termios

    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    began = time.monotonic()
    shown = [("", 0.0)] * LINES
    runs: list[Run] = []

    def read(seconds: float, *, quiet: bool = False) -> None:
        """Takes output for so many seconds, or until there was none for so many."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            if not select.select([master], [], [], rest)[0]:
                return
            stream.feed(os.read(master, 65536))
            now = time.monotonic() - began
            for row in range(LINES):
                content = _line(screen, row)
                if content != shown[row][0]:
                    runs.append(Run(row, *shown[row], now))
                    shown[row] = (content, now)
            if quiet:
                end = time.monotonic() + seconds

    read(QUIET, quiet=True)
    began = time.monotonic()
    runs.clear()
    shown = [(content, 0.0) for content, _ in shown]
    for command, pause in COMMANDS:
        for letter in command:
            os.write(master, letter.encode())
            read(KEY)
        os.write(master, b"\n")
        read(QUIET, quiet=True)
        read(pause)
        time.sleep(max(0.0, pause - QUIET))
    length = time.monotonic() - began
    runs += [Run(row, content, since, length) for row, (content, since) in enumerate(shown)]
    os.close(master)
    os.waitpid(pid, 0)
    return [run for run in runs if run.content and run.end > run.begin], length


def _line(screen: pyte.Screen, row: int) -> str:
    """A line of the screen as SVG: text, and parts of it in colours."""
    parts: list[tuple[str, str]] = []
    line = screen.buffer[row]
    text = "".join(line[column].data for column in range(COLUMNS)).rstrip()
    for column in range(len(text)):
        color = COLORS.get(line[column].fg, "")
        if parts and parts[-1][0] == color:
            parts[-1] = (color, parts[-1][1] + line[column].data)
        else:
            parts.append((color, line[column].data))
    return "".join(
        f'<tspan fill="{color}">{escape(part)}</tspan>' if color else escape(part)
        for color, part in parts
    )


def _svg(runs: list[Run], length: float) -> str:
    width, height = COLUMNS * LETTER + 2 * MARGIN, LINES * HIGH + 2 * MARGIN
    frames, lines = [], []
    for number, run in enumerate(runs):
        begin, end = (100 * moment / length for moment in (run.begin, run.end))
        last = run.end >= length
        steps = "" if run.begin == 0 else f"0%{{opacity:0}}{begin:.2f}%{{opacity:1}}"
        steps += "" if last else f"{end:.2f}%,100%{{opacity:0}}"
        still = "" if last else ' opacity="0"'
        moves = ""
        if steps:
            frames.append(f"@keyframes k{number}{{{steps}}}")
            moves = f' style="animation:k{number} {length:.1f}s step-end infinite"'
        y = MARGIN + (run.row + 1) * HIGH - 5
        lines.append(f'<text x="{MARGIN}" y="{y}"{still}{moves}>{run.content}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
        f'width="{width:.0f}" height="{height}" role="img">'
        "<title>A session with hutch in a terminal</title>"
        f"<style>{STYLE}{''.join(frames)}\n{STILL}</style>"
        f'<rect width="{width:.0f}" height="{height}" rx="10" fill="#16171a"/>\n'
        + "\n".join(lines)
        + "\n</svg>\n"
    )
