"""Imports the command's modules at the least cost: both fronts start with it.

importlib spends more on finding a module, and on asking for the ``__path__`` that most lack, than
most of ours take to run. Here a module is known by its name. In the interpreter's front whatever is
not known stays importlib's; the static executable has this module in importlib's place
(``_frozen_importlib``), so it cannot import anything itself.
"""

PACKAGE = "hutch"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, ModuleType
    from typing import Any

    Find = Callable[[str], tuple[CodeType, bool] | None]


class Importer:
    """What is imported by name.

    ``find`` gives a module's code and whether it is a package; ``extensions`` are files of C below
    the folder ``packages``; what is neither is left to ``ordinary``, another ``__import__``.
    """

    __slots__ = ("builtin", "extensions", "find", "imp", "modules", "new", "ordinary", "packages",
                 "spec_of")  # fmt: skip

    def __init__(self, sys: "Any", imp: "Any", find: "Find", ordinary: "Any") -> None:
        self.modules = sys.modules
        self.builtin = frozenset(sys.builtin_module_names)
        self.new = type(sys)
        self.spec_of = type(sys.implementation)  # as much of a ModuleSpec as C asks for
        self.imp = imp
        self.find = find
        self.ordinary = ordinary
        self.extensions: dict[str, str] = {}
        self.packages = ""

    def load(self, name: str) -> "ModuleType | None":
        """Imports a module, and the packages it is in; None if it is not known."""
        found = self.find(name)
        if found is None:
            return self._load_extension(name)
        code, is_package = found
        parent, _, child = name.rpartition(".")
        if parent and parent not in self.modules:
            self.load(parent)
        module: ModuleType = self.new(name)
        names = module.__dict__
        names["__package__"] = name if is_package else parent
        if is_package:
            names["__path__"] = [self.packages + "/" + name.replace(".", "/")]
        self.modules[name] = module
        try:
            exec(code, names)  # noqa: S102 - as importlib does
        except BaseException:
            del self.modules[name]
            raise
        if parent:
            setattr(self.modules[parent], child, module)
        return module

    def _load_extension(self, name: str) -> "ModuleType | None":
        try:
            if name in self.builtin:
                module: ModuleType = self.imp.create_builtin(self.spec_of(name=name))
                self.imp.exec_builtin(module)
            elif name in self.extensions:
                origin = self.packages + "/" + self.extensions[name]
                module = self.imp.create_dynamic(self.spec_of(name=name, origin=origin))
                self.imp.exec_dynamic(module)
            else:
                return None
        except ImportError:
            return None  # importlib finds it elsewhere, or says why not
        self.modules[name] = module
        return module

    def __call__(
        self,
        name: str,
        globals: "Any" = None,
        locals: "Any" = None,
        fromlist: "tuple[str, ...] | None" = (),
        level: int = 0,
    ) -> "ModuleType":
        """``__import__``."""
        if level == 0 and (fromlist or "." not in name):
            module = self.modules.get(name) or self.load(name)
            if module is not None:
                names = module.__dict__
                if not fromlist or "__path__" not in names:
                    return module
                if name.startswith(PACKAGE):
                    for item in fromlist:
                        if item not in names:
                            self.load(name + "." + item)
                    return module
        return self.ordinary(name, globals, locals, fromlist, level)  # type: ignore[no-any-return]


def install(sys: "Any", imp: "Any", find: "Find") -> Importer:
    """From now on ``import`` goes this way."""
    builtins = sys.modules["builtins"]
    importer = Importer(sys, imp, find, builtins.__import__)
    builtins.__import__ = importer
    return importer
