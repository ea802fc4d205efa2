"""Another OCI runtime than hutch (--runtime), by its command line, which is runc's."""

import json
import subprocess
from typing import TYPE_CHECKING

from hutch.errors import HutchError, NotFound

if TYPE_CHECKING:
    from hutch.cgroups.stats_form import Statistics
    from hutch.spec.config import Resources


class ForeignRuntime:
    """One container of another runtime, with those methods of ``hutch.Container`` that warren
    uses. Each raises HutchError with what the runtime says."""

    def __init__(self, id: str, program: str, root: str) -> None:
        self.id = id
        self.program = program
        self.root = root

    def _call(self, *words: str, input: str | None = None) -> str:
        try:
            done = subprocess.run(
                [self.program, "--root", self.root, *words],
                input=input, capture_output=True, text=True, check=False, errors="replace",
            )  # fmt: skip
        except OSError as error:
            raise HutchError(f"{self.program}: {error.strerror}") from None
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it does not say why"]
            if "does not exist" in done.stderr:
                raise NotFound(f"{self.program}: {said[-1]}")
            raise HutchError(f"{self.program} {words[0]}: {said[-1]}")
        return done.stdout

    def start(self) -> None:
        self._call("start", self.id)

    def pause(self) -> None:
        self._call("pause", self.id)

    def resume(self) -> None:
        self._call("resume", self.id)

    def delete(self, *, force: bool = False) -> None:
        self._call("delete", *(["--force"] if force else []), self.id)

    def update(self, resources: "Resources") -> None:
        self._call("update", "--resources", "-", self.id, input=json.dumps(resources))

    def processes(self) -> list[int]:
        return [int(pid) for pid in json.loads(self._call("ps", "--format", "json", self.id))]

    def statistics(self) -> "Statistics":
        found: Statistics = json.loads(self._call("events", "--stats", self.id))["data"]
        return found
