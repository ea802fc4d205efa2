"""The types of config.json (cold/config_types.py), each imported when it is first used.

from hutch.spec.config import Config, Mount
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.spec.cold.config_types import *  # noqa: F403


def __getattr__(name: str) -> object:
    from hutch.spec.cold import config_types

    return getattr(config_types, name)
