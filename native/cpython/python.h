/* All that is used of CPython's private parts, in one file for each version. native/versions.py has
 * what the build's Python code must know of a version.
 *
 * The compiler stops with a sentence where a part is not what the file of its version expects; the
 * launcher of the interpreter is then installed as the command (setup.py). */
#ifndef HUTCH_PYTHON_H
#define HUTCH_PYTHON_H

#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_import.h>
#include <internal/pycore_pylifecycle.h>
#include <internal/pycore_runtime.h>

#include <stddef.h>

#define EXPECTED(truth, what)                                                                      \
    _Static_assert(truth, "CPython " PY_VERSION " is not as native/cpython expects: " what)
#define IS_FUNCTION(name, type)                                                                    \
    EXPECTED(__builtin_types_compatible_p(__typeof__(name), type), "the type of " #name)
#define IS_FIELD(structure, field, type)                                                           \
    EXPECTED(__builtin_types_compatible_p(__typeof__(((structure *)0)->field), type),              \
             "the type of " #field " of " #structure)

#if PY_VERSION_HEX >> 16 == 0x030B
#include "cpython/python311.h"
#elif PY_VERSION_HEX >> 16 == 0x030D
#include "cpython/python313.h"
#elif PY_VERSION_HEX >> 16 == 0x030E
#include "cpython/python314.h"
#else
#error "native/cpython has no file for this version of CPython"
#endif

EXPECTED((PY_VERSION_HEX & 0xF0) == 0xF0, "it must be a final release");
#ifdef Py_GIL_DISABLED
#error "native/cpython knows no CPython without the global lock"
#endif
#ifdef Py_DEBUG
#error "native/cpython knows no CPython that was built for debugging"
#endif

/* Common to all of these versions. */
IS_FIELD(PyConfig, _init_main, int);
IS_FIELD(PyThreadState, thread_id, unsigned long);
IS_FUNCTION(_PySignal_Init, int(int));
IS_FUNCTION(_PyImport_FrozenBootstrap, const struct _frozen *);
IS_FUNCTION(_PyImport_FrozenStdlib, const struct _frozen *);
IS_FUNCTION(_PyImport_FrozenTest, const struct _frozen *);
IS_FUNCTION(_PyImport_FrozenAliases, const struct _module_alias *);

/* The tables of builtin modules and of frozen ones. They replace those of the library. */
#define BUILTIN_MODULES struct _inittab _PyImport_Inittab[]
#define FROZEN_MODULES(bootstrap, others)                                                          \
    static const struct _frozen no_modules[] = {{.name = NULL}};                                   \
    static const struct _module_alias no_aliases[] = {{NULL, NULL}};                               \
    const struct _frozen *_PyImport_FrozenBootstrap = bootstrap;                                   \
    const struct _frozen *_PyImport_FrozenStdlib = no_modules;                                     \
    const struct _frozen *_PyImport_FrozenTest = no_modules;                                       \
    const struct _module_alias *_PyImport_FrozenAliases = no_aliases;                              \
    const struct _frozen *PyImport_FrozenModules = others;                                         \
    NO_DEEP_FROZEN_MODULES

/* Only the core of the interpreter is to be initialised. */
static inline void only_core(PyConfig *config)
{
    config->_init_main = 0;
}

/* Sets the state of the module _signal in this process. Returns -1 after an error. */
static inline int set_signals(void)
{
    return _PySignal_Init(0);
}

#endif
