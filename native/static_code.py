"""Writes code objects of CPython 3.11 as static C data, with all the constants in them.

To read marshalled code would take a third of the time in which the static executable starts a
container. The structures are those of cpython/code.h and of the built-in types.

The strings are not interned, as they would be after unmarshalling: that was a fifteenth of all
instructions of a small verb. The interpreter only looks first whether two strings are the same
object, then compares hash and text. Here equal strings of a module are one object anyway.
"""

from collections import Counter
from collections.abc import Iterable
from types import CodeType

LOCAL, CELL, FREE = 0x20, 0x40, 0x80  # CO_FAST_...
RESUME = 151
DIGIT = 30  # bits
UNITS = ((0xFF, "Py_UCS1"), (0xFFFF, "Py_UCS2"), (0x10FFFF, "Py_UCS4"))

FIELDS = (
    "co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_stacksize", "co_firstlineno",
    "co_flags",
)  # fmt: skip


class StaticCode:
    """The C source of static objects.

    Equal constants of one module are one object. Two modules share only the strings in ``common``.
    So the objects of a module are in few pages: a change of a reference count causes a page fault
    for each page.
    """

    def __init__(self, common: Iterable[str]) -> None:
        self.lines: list[str] = []
        self._known: dict[object, str] = {}
        self._symbol = "common"
        for text in sorted(common):
            self._constant(text)
        self._common = self._known

    def module(self, symbol: str, code: CodeType) -> str:
        """Adds a module's code: the name of the C function that gives it."""
        self._known = dict(self._common)
        self._symbol = symbol
        top = self._code(code)
        self.lines.append(f"static PyObject *get_{symbol}(void) {{ return Py_NewRef({top}); }}")
        return f"get_{symbol}"

    def _constant(self, value: object) -> str:
        """A C expression for a constant, which is written if it is new."""
        if isinstance(value, CodeType):
            return self._code(value)
        key = _key(value)
        if key not in self._known:
            self._known[key] = self._write(value)
        return self._known[key]

    def _write(self, value: object) -> str:
        name = f"{self._symbol}_{len(self._known)}"
        match value:
            case None:
                return "Py_None"
            case bool():
                return "Py_True" if value else "Py_False"
            case str() if value.isascii():
                self.lines.append(f'STATIC_ASCII({name}, {len(value)}, "{_escaped(value)}");')
            case str():
                unit = next(unit for most, unit in UNITS if ord(max(value)) <= most)
                self._add("TEXT", name, str(len(value)), unit, *(str(ord(c)) for c in value))
            case bytes():
                self._add("BYTES", name, str(len(value)), *map(str, value or b"\0"))
            case int():
                digits = _digits(abs(value))
                sign = (value > 0) - (value < 0)
                self._add("INTEGER", name, str(sign), str(len(digits)), *map(str, digits))
            case float():
                self._add("FLOAT", name, value.hex())
            case tuple() | frozenset():  # a frozenset is only ever the right side of `in`
                ordered = value if isinstance(value, tuple) else sorted(value, key=repr)
                items = [self._constant(item) for item in ordered] or ["NULL"]
                name = f"{self._symbol}_{len(self._known)}"  # those of the items may be new
                self._add("TUPLE", name, str(len(value)), *items)
                return f"TUPLE({name})"
            case _:
                if value is Ellipsis:
                    return "Py_Ellipsis"
                raise ValueError(f"no constant of code: {value!r}")
        return f"OBJECT({name})"

    def _add(self, kind: str, *words: str) -> None:
        self.lines.append(f"STATIC_{kind}({', '.join(words)});")

    def _code(self, code: CodeType) -> str:
        kinds = dict.fromkeys(code.co_varnames, LOCAL)
        for cell in code.co_cellvars:
            kinds[cell] = kinds.get(cell, 0) | CELL
        kinds |= dict.fromkeys(code.co_freevars, FREE)
        objects = {
            "co_consts": code.co_consts,
            "co_names": code.co_names,
            "co_exceptiontable": code.co_exceptiontable,
            "co_localsplusnames": tuple(kinds),
            "co_localspluskinds": bytes(kinds.values()),
            "co_filename": code.co_filename,
            "co_name": code.co_name,
            "co_qualname": code.co_qualname,
            "co_linetable": code.co_linetable,
        }
        numbers = {field: getattr(code, field) for field in FIELDS} | {
            "co_warmup": "QUICKENING_INITIAL_WARMUP_VALUE",
            "co_nlocalsplus": len(kinds),
            "co_nlocals": len(code.co_varnames),
            "co_nplaincellvars": sum(kind == CELL for kind in kinds.values()),
            "co_ncellvars": len(code.co_cellvars),
            "co_nfreevars": len(code.co_freevars),
            "_co_firsttraceable": code.co_code[::2].index(RESUME),
        }
        fields = [f".{field} = {self._constant(value)}" for field, value in objects.items()]
        fields += [f".{field} = {value}" for field, value in numbers.items()]
        bytecode = ", ".join(str(byte - 256 if byte > 127 else byte) for byte in code.co_code)
        self._known[code, len(self._known)] = name = f"{self._symbol}_{len(self._known)}"
        self.lines.append(
            f"static struct _PyCode_DEF({len(code.co_code)}) {name} = {{.ob_base = "
            f"VAR_HEAD(PyCode_Type, {len(code.co_code) // 2}), {', '.join(fields)}, "
            f".co_code_adaptive = {{{bytecode}}}}};"
        )
        return f"OBJECT({name})"


def common_strings(codes: Iterable[CodeType], modules: int) -> set[str]:
    """The strings that at least ``modules`` modules have."""
    counted = Counter(text for code in codes for text in _strings(code))
    return {text for text, count in counted.items() if count >= modules}


def _strings(value: object) -> set[str]:
    if isinstance(value, CodeType):
        names = value.co_names, value.co_varnames, value.co_consts, value.co_name
        return _strings(names)
    if isinstance(value, tuple):
        return set().union(*map(_strings, value))
    return {value} if isinstance(value, str) else set()


def _key(value: object) -> object:
    """A key for a constant that differs for equal constants of different types: 1, 1.0, True."""
    if isinstance(value, tuple | frozenset):
        return type(value), *map(_key_of_item, value)
    return type(value), repr(value)


def _key_of_item(item: object) -> object:
    return id(item) if isinstance(item, CodeType) else _key(item)


def _digits(number: int) -> list[int]:
    digits = []
    while number:
        digits.append(number & (1 << DIGIT) - 1)
        number >>= DIGIT
    return digits or [0]


def _escaped(text: str) -> str:
    return "".join(c if c.isalnum() or c in " _.,:;-+/()<>'=" else f"\\{ord(c):03o}" for c in text)
