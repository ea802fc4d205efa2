"""Completes command lines in real shells, with the completion script of a command."""

import os
import pty
import select
import subprocess
import time
from pathlib import Path

BASH = """
source "$1"
function=$2
shift 2
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE="$*"
[ -n "$LINE" ] && COMP_LINE=$LINE
$function
printf '%s\\n' "${COMPREPLY[@]}"
"""

ZSH = """
PS1= PS2= RPS1=
autoload -U compinit
compinit -u -D
source {script}
shown() {{ print -r -- "$BUFFER" > {out}; BUFFER= }}
zle -N shown
bindkey '^X' shown
bindkey '^I' complete-word
setopt no_beep no_list_ambiguous
print READY
"""


class Bash:
    """bash, with the script ``folder``/bash."""

    def __init__(self, folder: Path, command: str) -> None:
        self.folder = folder
        self.command = command

    def __call__(self, *words: str, cwd: "Path | None" = None, line: str = "") -> list[str]:
        """The completions of the last word. ``line`` is the command line, if blanks do not separate
        its words."""
        done = subprocess.run(
            ["bash", "--norc", "-c", BASH, "bash", self.folder / "bash",
             "_" + os.path.basename(self.command), self.command, *words],
            capture_output=True, text=True, check=True, cwd=cwd, env={**os.environ, "LINE": line},
        )  # fmt: skip
        assert done.stderr == ""
        return done.stdout.split()


class Fish:
    """fish, with the script ``folder``/fish."""

    def __init__(self, folder: Path, command: str) -> None:
        self.folder = folder
        self.command = command

    def __call__(self, *words: str, cwd: "Path | None" = None) -> list[str]:
        """Completes a line whose command has no folder: fish knows only the name."""
        line = " ".join([os.path.basename(self.command), *words])
        path = os.path.dirname(self.command) + ":" + os.environ["PATH"]
        done = subprocess.run(
            ["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
             self.folder / "fish", line],
            capture_output=True, text=True, check=True, cwd=cwd,
            env={**os.environ, "PATH": path, "HOME": str(self.folder)},
        )  # fmt: skip
        assert done.stderr == ""
        return [row.partition("\t")[0] for row in done.stdout.splitlines()]


class Zsh:
    """An interactive zsh on a terminal."""

    def __init__(self, script: Path, command: str, folder: Path) -> None:
        self.out = folder / "line"
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            path = os.path.dirname(command) + ":" + os.environ["PATH"]
            environment = {**os.environ, "PATH": path, "HOME": str(folder), "TERM": "dumb"}
            os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
        self.send(ZSH.format(script=script, out=self.out).replace("\n", "\r"))
        text = b""
        while b"\nREADY" not in text and b"\rREADY" not in text:
            text += self.read()

    def send(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def read(self) -> bytes:
        ready, _, _ = select.select([self.fd], [], [], 60)
        assert ready
        return os.read(self.fd, 65536)

    def __call__(self, line: str) -> str:
        """The line after the tab key."""
        self.out.unlink(missing_ok=True)
        self.send(line + "\t\x18")
        deadline = time.monotonic() + 60
        while not self.out.exists() or not self.out.read_text().endswith("\n"):
            assert time.monotonic() < deadline, "zsh does not answer"
            if select.select([self.fd], [], [], 0.02)[0]:
                os.read(self.fd, 65536)
        return self.out.read_text().rstrip("\n")

    def close(self) -> None:
        os.close(self.fd)
        os.waitpid(self.pid, 0)
