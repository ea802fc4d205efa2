"""Imports the command's modules at the least cost: both fronts start with it.

importlib spends more on finding a module, and on asking for the ``__path__`` that most lack,
than most of ours take to run. Here a module is known by its name. Whatever is not known is
importlib's, as ever.
"""

import builtins
import sys
from _imp import create_builtin, create_dynamic, exec_builtin, exec_dynamic

PACKAGE = "hutch"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, ModuleType
    from typing import Any


def install(
    find: "Callable[[str], tuple[CodeType, bool] | None]",
    extensions: "dict[str, str]",
    packages: str,
) -> None:
    """From now on ``import`` goes this way.

    ``find`` gives a module's code and whether it is a package; ``extensions`` are files of C below
    the folder ``packages``.
    """
    ordinary = builtins.__import__
    modules = sys.modules
    builtin = frozenset(sys.builtin_module_names)
    new_module = type(sys)
    spec_of = type(sys.implementation)  # as much of a ModuleSpec as the interpreter asks for

    def load(name: str) -> "ModuleType | None":
        found = find(name)
        if found is None:
            return load_extension(name) if name in extensions or name in builtin else None
        code, is_package = found
        parent, _, child = name.rpartition(".")
        if parent and parent not in modules:
            load(parent)
        module = new_module(name)
        names = module.__dict__
        names["__package__"] = name if is_package else parent
        if is_package:
            names["__path__"] = [packages + "/" + name.replace(".", "/")]
        modules[name] = module
        try:
            exec(code, names)  # noqa: S102 - as importlib does
        except BaseException:
            del modules[name]
            raise
        if parent:
            setattr(modules[parent], child, module)
        return module

    def load_extension(name: str) -> "ModuleType | None":
        try:
            if name in builtin:
                module = create_builtin(spec_of(name=name, origin="built-in"))
                exec_builtin(module)
            else:
                module = create_dynamic(
                    spec_of(name=name, origin=packages + "/" + extensions[name])
                )
                exec_dynamic(module)
        except ImportError:
            return None  # importlib finds it elsewhere, or says why not
        modules[name] = module
        return module  # type: ignore[no-any-return]

    def quick_import(
        name: str,
        globals: "Any" = None,
        locals: "Any" = None,
        fromlist: "tuple[str, ...] | None" = (),
        level: int = 0,
    ) -> "ModuleType":
        if level == 0 and (fromlist or "." not in name):
            module = modules.get(name) or load(name)
            if module is not None:
                names = module.__dict__
                if not fromlist or "__path__" not in names:
                    return module
                if name.startswith(PACKAGE):
                    for item in fromlist:
                        if item not in names:
                            load(name + "." + item)
                    return module
        return ordinary(name, globals, locals, fromlist, level)

    builtins.__import__ = quick_import
