"""Imports the command's modules as fast as possible. Both fronts start with it.

importlib needs more time to find a module, and to look for its ``__path__``, than most modules need
to run. This importer finds a module by its name only. In the ordinary interpreter, importlib
imports all modules that are not known here. In the static executable this module replaces importlib
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
    """A replacement of ``__import__``.

    ``find`` returns a module's code, and whether it is a package. ``extensions`` maps the names of
    C modules to their files below the folder ``packages``. ``ordinary`` is the ``__import__`` that
    imports all other modules. ``library`` is the folder of those that are not the package's.
    """

    __slots__ = ("builtin", "extensions", "find", "imp", "library", "modules", "new", "ordinary",
                 "packages", "paths", "spec_of")  # fmt: skip

    def __init__(self, sys: "Any", imp: "Any", find: "Find", ordinary: "Any") -> None:
        self.modules = sys.modules
        self.builtin = frozenset(sys.builtin_module_names)
        self.new = type(sys)
        self.spec_of = type(sys.implementation)  # has the attributes of a ModuleSpec that C reads
        self.imp = imp
        self.find = find
        self.ordinary = ordinary
        self.extensions: dict[str, str] = {}
        self.packages = self.library = ""
        self.paths: list[list[str]] = []  # each __path__ of the package

    def place(self, packages: str) -> None:
        """The package is below the folder ``packages``; what is imported already is told so too.
        Called once. It does not walk over the modules, because each would be a page that changes
        (snapshot.c)."""
        self.packages = packages
        for path in self.paths:
            path[0] = packages + path[0]

    def load(self, name: str) -> "ModuleType | None":
        """Imports a module and its parent packages; None if it is not known."""
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
            top = self.packages if name.startswith(PACKAGE) else self.library
            names["__path__"] = path = [top + "/" + name.replace(".", "/")]
            if name.startswith(PACKAGE):
                self.paths.append(path)
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
            return None  # importlib then finds it elsewhere, or raises the error
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
                        missing = item not in names and self.load(name + "." + item) is None
                        # A module that importlib finds, unless the package has a __getattr__.
                        if missing and "__getattr__" not in names:
                            return self.ordinary(  # type: ignore[no-any-return]
                                name, globals, locals, fromlist, level
                            )
                    return module
        return self.ordinary(name, globals, locals, fromlist, level)  # type: ignore[no-any-return]


def install(sys: "Any", imp: "Any", find: "Find") -> Importer:
    """Makes ``import`` use a new Importer, and returns it."""
    builtins = sys.modules["builtins"]
    importer = Importer(sys, imp, find, builtins.__import__)
    builtins.__import__ = importer
    return importer
