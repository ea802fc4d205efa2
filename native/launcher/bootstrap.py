"""Replaces importlib in the static executable. It has only the functions that CPython 3.11 calls.

The build joins importer.py and this file to one module, ``_frozen_importlib``. All modules are
frozen or builtin; no other module can be imported (hutch/front.py).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import Any

    from importer import Importer, install

importer: "Importer"


def _install(sys: "Any", imp: "Any") -> None:
    builtin = frozenset(sys.builtin_module_names)

    def find(name: str) -> "tuple[CodeType, bool] | None":
        if name in builtin:
            return None
        # Every call searches the table of frozen modules from its start, so only one is made.
        try:
            code = imp.get_frozen_object(name)
        except ImportError:
            return None
        return code, code.co_name == "<package>"  # native/embed.py

    global importer  # noqa: PLW0603 - there is one interpreter
    importer = install(sys, imp, find)


def _find_and_load(name: str, import_: object) -> "ModuleType":
    parent = name.rpartition(".")[0]
    if parent and parent not in importer.modules:
        _find_and_load(parent, import_)
    module = importer.load(name)
    if module is None:
        raise ModuleNotFoundError("No module named " + repr(name), name=name)
    return module


def _handle_fromlist(module: "ModuleType", names: "tuple[str, ...]", import_: object) -> "Any":
    for name in names:
        if name not in module.__dict__:
            importer.load(module.__name__ + "." + name)
    return module
