"""The names that the store knows, for completion: read, and never written."""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from hutch.errors import HutchError

if TYPE_CHECKING:
    from hutch.engine.engine import Engine


LOCAL = "localhost/"  # a name in the store need not have it


class Names:
    """The names in one store; none if it is not there or cannot be read."""

    def __init__(self, root: str) -> None:
        self._root = root

    @cached_property
    def _engine(self) -> "Engine | None":
        from hutch.cli.warren.context import Context

        context = Context(self._root, "")
        try:
            return context.engine if context.root.is_dir() else None
        except (HutchError, OSError):
            return None

    def containers(self, states: Iterable[str] = (), begun: str = "") -> dict[str, str]:
        """{name: its state} of those in one of the states, of all if none is named. An id is
        offered, too, once it is begun."""
        if self._engine is None:
            return {}
        from hutch.engine.containers.listing import status

        wanted = set(states)
        found: dict[str, str] = {}
        for record in self._engine.records.all():
            state = status(record)
            if wanted and state not in wanted:
                continue
            found[record.name] = state
            if begun and record.id.startswith(begun):
                found[record.id[: max(12, len(begun))]] = record.name
        return found

    def images(self, begun: str = "") -> dict[str, str]:
        """{name: size}; an id is offered, too, once it is begun."""
        if self._engine is None:
            return {}
        from hutch.cli.warren.output import human_size
        from hutch.image.reference import Reference

        found: dict[str, str] = {}
        for image in self._engine.images.images():
            reference = Reference.parse(image.name) if image.name else None
            if reference is not None:
                tag = f":{reference.tag}" if reference.tag else ""
                name = reference.familiar + tag
                if not begun.startswith(LOCAL):
                    name = name.removeprefix(LOCAL)
                found[name] = human_size(image.size)
            short = image.record.config.short
            if begun and short.startswith(begun):
                found[short] = image.name
        return found

    def volumes(self) -> list[str]:
        """The volumes."""
        return [volume.name for volume in self._engine.volumes.all()] if self._engine else []

    def networks(self) -> list[str]:
        """The networks that are bridges."""
        if self._engine is None:
            return []
        return sorted({"bridge", *(network.name for network in self._engine.networks.all())})

    def pods(self) -> dict[str, str]:
        """{name: the beginning of its id}."""
        if self._engine is None:
            return {}
        return {pod.name: pod.id[:12] for pod in self._engine.pods.all()}
