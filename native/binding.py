"""Writes the binding of native/*/calls.h for the static executable, as C source.

cffi's backend is a shared object, and importing it takes a million instructions. The static
executable has builtin modules instead. They are written here from the prototypes that cffi reads,
and have the same names: ``from hutch._native import lib``, then ``lib.hutch_...``, and those parts
of cffi's ``ffi`` that hutch uses (launcher/convert.h).
"""

import re
from pathlib import Path

PROTOTYPE = re.compile(r"^long long (\w+)\(([^)]*)\);", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)

# By the type of an argument: its letter in convert.h, and the C expression that passes it.
TYPES = {
    "int": ("i", "(int){}.number"),
    "unsigned int": ("u", "(unsigned int){}.number"),
    "long long": ("l", "{}.number"),
    "unsigned long long": ("k", "(unsigned long long){}.number"),
    "size_t": ("k", "(size_t){}.number"),
    "const char *": ("s", "{}.bytes.buf"),
    "const unsigned char *": ("b", "{}.bytes.buf"),
    "unsigned char *": ("w", "{}.bytes.buf"),
}


def prototypes(header: str) -> list[tuple[str, list[str]]]:
    """(name, [type of each argument]) of every prototype in a header's text.

    Raises KeyError for a type that TYPES lacks.
    """
    found = []
    for name, listed in PROTOTYPE.findall(COMMENT.sub("", header)):
        arguments = [] if listed.strip() == "void" else listed.split(",")
        found.append((name, [_type(" ".join(argument.split())) for argument in arguments]))
    return found


def _type(argument: str) -> str:
    kind = re.sub(r"\w+$", "", argument).strip()
    TYPES[kind]
    return kind


def write_binding(folder: Path, module: str) -> str:
    """The C source of builtin module ``module`` ("hutch._native") for ``folder``/calls.h."""
    calls = prototypes((folder / "calls.h").read_text())
    lines = [f'#include "{folder.name}/calls.h"', '#include "launcher/convert.h"']
    for name, types in calls:
        signature = "".join(TYPES[kind][0] for kind in types)
        values = [TYPES[kind][1].format(f"a[{n}]") for n, kind in enumerate(types)]
        lines += [
            "",
            f"static PyObject *call_{name}(PyObject *m, PyObject *const *args, Py_ssize_t n)",
            "{",
            f"    struct argument a[{max(1, len(types))}];",
            "    (void)m;",
            f'    if (!take_arguments("{signature}", args, n, a))',
            "        return NULL;",
            f'    return give_result("{signature}", a, {name}({", ".join(values)}));',
            "}",
        ]
    lines += ["", "static PyMethodDef calls[] = {"]
    lines += [
        f'    {{"{name}", (PyCFunction)(void (*)(void))call_{name}, METH_FASTCALL, NULL}},'
        for name, _ in calls
    ]
    lines += [
        "    {NULL, NULL, 0, NULL},",
        "};",
        "",
        f"PyMODINIT_FUNC PyInit_{module.replace('.', '_')}(void)",
        "{",
        f'    return make_module("{module}", calls);',
        "}",
    ]
    return "\n".join(lines) + "\n"
