"""What the verbs share: where things are kept, the configuration, and how progress is shown."""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...image.progress import Reporter


class Context:
    """Made once a command; what it holds is made when it is first asked for."""

    def __init__(self, root: str, config: str) -> None:
        self._root = root
        self._config = config

    def __enter__(self) -> "Context":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    @property
    def root(self) -> Path:
        """Where images are kept."""
        return Path(self._root)

    def reporter(self, *, quiet: bool = False) -> "Reporter":
        """Who is told of progress: nobody when quiet, bars on a terminal, lines elsewhere."""
        from ...image.progress import Reporter
        from .progress import reporter

        return Reporter() if quiet else reporter()
