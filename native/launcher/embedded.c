/*
 * The commands as static executables: each is the interpreter, with the Python modules and the C code
 * that the command uses.
 *
 * Only the core of the interpreter is initialised: types, exceptions, sys, builtins, and the importers
 * of builtin and frozen modules. There is no open(), no print(), and no module from a file. The
 * modules of the runtime's verbs import only builtin modules, so they do not need these; the first
 * module of warren adds them (whole.py). For the other verbs the launcher of the ordinary interpreter
 * is executed (hutch/front.py).
 *
 * All that is done by the build: it runs this program once to make a snapshot (snapshot.c). What
 * people run goes on from there. What differs from one process to another is set then: the thread,
 * the environment, the arguments, the folder of the package.
 *
 * What is private of CPython is in native/cpython.
 */
#include "cpython/python.h"
#include "launcher/places.h"
#include "launcher/snapshot.h"

#include <marshal.h>
#include <stdio.h>

#ifndef FRONT
#error "FRONT names the first module"
#endif

PyObject *PyInit__signal(void);

/* The linker replaces the functions of libgcc by these (--wrap of ld(1)). */
void __wrap___register_frame_info(const void *tables, void *object);
void *__wrap___deregister_frame_info(const void *tables);

#ifdef OWN_MODULES /* beside those of the library */
extern const struct _frozen our_modules[];
#endif

/* The builtin module _signal. Its initialisation makes 65 system calls, so it is only done where the
 * module is used. */
PyObject *start_signals(void)
{
    return set_signals() < 0 ? NULL : PyInit__signal();
}

/* Whether the module has the handlers of the process that made the snapshot. */
static int knows_signals(void)
{
    PyObject *name = PyUnicode_FromString("_signal");
    PyObject *module = name ? PyImport_GetModule(name) : NULL;
    Py_XDECREF(name);
    Py_XDECREF(module);
    return module != NULL;
}

static PyThreadState *thread;
static PyObject *front; /* the first module */

static PyStatus initialise(void)
{
    PyPreConfig early;
    PyConfig config;
    PyPreConfig_InitIsolatedConfig(&early);
    early.utf8_mode = 1;
    PyStatus status = Py_PreInitialize(&early);
    if (PyStatus_Exception(status))
        return status;
    PyConfig_InitIsolatedConfig(&config);
    only_core(&config);
    config.parse_argv = 0;
    config.site_import = 0;
    config.pathconfig_warnings = 0;
    /* All processes have the snapshot's hashes; they may as well be those of any other build. */
    config.use_hash_seed = 1;
    status = Py_InitializeFromConfig(&config);
    if (PyStatus_Exception(status))
        return status;
    PyGC_Disable(); /* the process ends soon, so garbage need not be collected */
    return complete_core(PyInterpreterState_Get());
}

/* Imports the first module, and all of the package that are frozen. */
static PyObject *import_all(void)
{
    PyObject *first = PyImport_ImportModule(FRONT);
    for (const struct _frozen *row = PyImport_FrozenModules; first && row->name; row++) {
        if (strncmp(row->name, "hutch.", 6))
            continue;
        PyObject *module = PyImport_ImportModule(row->name);
        if (!module)
            return NULL;
        Py_DECREF(module);
    }
    return first;
}

/* Brings the interpreter to where the snapshot is taken. Returns 0, or 1 after an error message. */
static int prepare(const char *places)
{
    if (strncmp(Py_GetVersion(), PY_VERSION " ", sizeof(PY_VERSION))) {
        dprintf(2, "CPython's library is of %.10s, its headers are of " PY_VERSION "\n",
                Py_GetVersion());
        return 1;
    }
    if (keep_memory(places))
        return 1;
#ifdef OWN_MODULES
    PyImport_FrozenModules = our_modules;
#endif
    PyStatus status = initialise();
    if (PyStatus_Exception(status)) {
        dprintf(2, "%s\n", status.err_msg);
        return 1;
    }
    if (!(front = import_all())) {
        PyErr_Print();
        return 1;
    }
    PyType_ClearCache(); /* each name in it that gives way to another would be a page that changes */
    thread = PyThreadState_Get();
    PyOS_BeforeFork(); /* become_this_thread() does what follows fork(2) */
    leave_this_thread(thread);
    return 0;
}

/* Sets sys.argv. */
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

/* Sets posix.environ, which os.environ shows too. */
static int set_environment(void)
{
    PyObject *module = PyImport_AddModule("posix");
    PyObject *known = module ? PyObject_GetAttrString(module, "environ") : NULL;
    for (char **entry = environ; known && *entry; entry++) {
        const char *equals = strchr(*entry, '=');
        if (!equals)
            continue;
        PyObject *name = PyBytes_FromStringAndSize(*entry, equals - *entry);
        PyObject *value = PyBytes_FromString(equals + 1);
        if (!name || !value || !PyDict_SetDefault(known, name, value))
            return -1;
    }
    return known ? 0 : -1;
}

/* As in every Python program, write(2) returns an error instead of a signal. SIGINT keeps its default
 * action, so that Ctrl-C ends a verb. Returns 0, or another number after an error. */
static int begin(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return become_this_thread(thread) || (knows_signals() && set_signals() < 0) ||
           set_arguments(argc, argv) || set_environment();
}

/* Runs the command. Returns the exit code. */
static int run(int argc, char **argv)
{
    char prefix[PATH_MAX], packages[PLACE_MAX];
    if (find_places(prefix, packages))
        return 1;
    if (begin(argc, argv) ||
        !PyObject_CallMethod(front, "main", "N", PyUnicode_DecodeFSDefault(packages)))
        PyErr_Print();
    return 1;
}

/* Runs the code of the marshalled file argv[0] (rehearsal.py), to see which memory it changes. */
static int rehearse(int argc, char **argv, const char *changes)
{
    FILE *file;
    if (note_changes(changes) || begin(argc - 1, argv + 1) || !(file = fopen(argv[0], "rbe")))
        return 1;
    PyObject *code = PyMarshal_ReadLastObjectFromFile(file);
    PyObject *names = code ? PyModule_GetDict(PyImport_AddModule("__main__")) : NULL;
    if (names && PyDict_SetItemString(names, "front", front) == 0 &&
        PyEval_EvalCode(code, names, names))
        return 0;
    PyErr_Print();
    return 1;
}

/* What the build asks for (native/snapshot.py). Returns the exit code. */
static int make(int argc, char **argv)
{
    const char *mode = argv[1], *written = argv[2], *places = argc > 3 ? argv[3] : NULL;
    if (prepare(places))
        return 1;
    if (!strcmp(mode, "pieces"))
        return write_pieces(written);
    if (!strcmp(mode, "changes") && argc > 4)
        return rehearse(argc - 4, argv + 4, written);
    return argc > 4 ? write_snapshot(written, argv[4]) : 1;
}

/* The start files of a static program call these. Since GCC 13 that takes longer than all of `state`. */
void __wrap___register_frame_info(const void *tables, void *object)
{
    (void)tables, (void)object;
}

void *__wrap___deregister_frame_info(const void *tables)
{
    (void)tables;
    return NULL;
}

int main(int argc, char **argv)
{
    open_standard_streams();
    keep_exit_codes();
    if (has_snapshot())
        return run(argc, argv);
    return argc > 2 ? make(argc, argv) : 1;
}
