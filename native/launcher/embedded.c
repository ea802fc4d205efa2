/*
 * The commands as static executables: each is the interpreter, with the Python modules and the C code
 * that the command uses.
 *
 * Only the core of the interpreter is initialised: types, exceptions, sys, builtins, and the importers
 * of builtin and frozen modules. There is no open(), no print(), and no module from a file. The
 * modules of the runtime's verbs import only builtin modules, so they do not need these; the first
 * module of warren adds them (whole.py). For the other verbs, and if this initialisation fails, the
 * launcher of the ordinary interpreter is executed (hutch/front.py).
 *
 * _init_main of PyConfig, _PyRuntime and _PySignal_Init are private parts of CPython, and may change
 * with any version. So the build accepts only one version (native/embed.py).
 */
#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_runtime.h>

#include "launcher/places.h"

#ifndef FRONT
#error "FRONT names the first module"
#endif

int _PySignal_Init(int install_signal_handlers);
PyObject *PyInit__signal(void);

#ifdef OWN_MODULES /* beside those of the library */
extern const struct _frozen our_modules[];
#endif

/* The builtin module _signal. Its initialisation makes 65 system calls, so it is only done when a verb
 * imports the module. */
PyObject *start_signals(void)
{
    return _PySignal_Init(0) < 0 ? NULL : PyInit__signal();
}

static PyStatus initialise(int argc, char **argv)
{
    PyPreConfig early;
    PyConfig config;
    PyPreConfig_InitIsolatedConfig(&early);
    early.utf8_mode = 1;
    PyStatus status = Py_PreInitialize(&early);
    if (PyStatus_Exception(status))
        return status;
    /* The process ends soon, so garbage need not be collected. */
    _PyRuntime._main_interpreter.gc.enabled = 0;
    PyConfig_InitIsolatedConfig(&config);
    config._init_main = 0;
    config.parse_argv = 0;
    config.site_import = 0;
    config.pathconfig_warnings = 0;
    status = PyConfig_SetBytesArgv(&config, argc, argv);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    return status;
}

/* Sets sys.argv, because the part of the initialisation that does this is left out. */
static int set_arguments(int argc, char **argv)
{
    PyObject *words = PyList_New(argc);
    for (int i = 0; words && i < argc; i++) {
        PyObject *word = PyUnicode_DecodeFSDefault(argv[i]);
        if (!word)
            return -1;
        PyList_SET_ITEM(words, i, word);
    }
    return words ? PySys_SetObject("argv", words) : -1;
}

int main(int argc, char **argv)
{
    char prefix[PATH_MAX], packages[PLACE_MAX], launcher[PLACE_MAX + 32];
    open_standard_streams();
    keep_exit_codes();
    if (find_places(prefix, packages))
        return 1;
#ifdef OWN_MODULES
    PyImport_FrozenModules = our_modules;
#endif
    if (PyStatus_Exception(initialise(argc, argv))) {
        snprintf(launcher, sizeof(launcher), "%s/hutch/libexec/" PROGRAM, packages);
        execv(launcher, argv);
        return die("cannot execute", launcher);
    }
    /* As in every Python program, write(2) returns an error instead. SIGINT keeps its default action,
     * so that Ctrl-C ends a verb. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (set_arguments(argc, argv) < 0) {
        PyErr_Print();
        return 1;
    }
    PyObject *front = PyImport_ImportModule(FRONT);
    PyObject *folder = PyUnicode_DecodeFSDefault(packages);
    if (!front || !folder || PyObject_SetAttrString(front, "packages", folder) < 0 ||
        !PyObject_CallMethod(front, "main", NULL))
        PyErr_Print();
    return 1;
}
