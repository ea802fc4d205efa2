"""The directories that all sandboxes of a state directory share. They are made once a process."""

import os
from pathlib import Path
from threading import Lock

from hutch.engine.sandbox.leftovers import remove_leftovers
from hutch.engine.sandbox.places import Places, default_state_root

_lock = Lock()
_made: dict[tuple[int, str], Places] = {}


def shared_places(state_root: str) -> Places:
    """Makes them, and removes what killed callers have left. Raises KernelError, HostError."""
    key = os.getpid(), state_root
    with _lock:
        places = _made.get(key)
        if places is None or not places.template.exists():
            places = Places(Path(os.path.abspath(state_root or default_state_root())))
            places.make()
            remove_leftovers(places)
            _made[key] = places
        return places
