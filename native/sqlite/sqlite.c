/*
 * hutch._sqlite: SQLite for the store's database. The static executable cannot load the sqlite3
 * module of the standard library, which is a shared object; its import also takes three times as long
 * as this module's. This file is built as an extension, and as a builtin module of the executable.
 *
 *     Connection(path: str, wait: int)              wait: milliseconds for another process's lock
 *         .rows(statement: str, values: tuple) -> list[tuple]
 *         .in_transaction -> bool
 *         .close()
 *     Error(message: str, code: int)                code: SQLite's extended result code
 *
 * Values are None, int, float or str; columns are these, or bytes. One thread at a time may use a
 * connection: the caller has a lock. Other threads run while a statement does.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <sqlite3.h>

static PyObject *error_type;

struct connection {
    PyObject_HEAD sqlite3 *database;
};

/* Raises Error with the message of the database, or of the code if there is no database. */
static PyObject *fail(sqlite3 *database, int code)
{
    const char *message = database ? sqlite3_errmsg(database) : sqlite3_errstr(code);
    PyObject *arguments =
        Py_BuildValue("si", message, database ? sqlite3_extended_errcode(database) : code);
    if (arguments)
        PyErr_SetObject(error_type, arguments);
    Py_XDECREF(arguments);
    return NULL;
}

static void close_database(struct connection *self)
{
    sqlite3 *database = self->database;

    self->database = NULL;
    if (!database)
        return;
    Py_BEGIN_ALLOW_THREADS sqlite3_close_v2(database);
    Py_END_ALLOW_THREADS
}

static PyObject *new_connection(PyTypeObject *type, PyObject *arguments, PyObject *names)
{
    static char *keywords[] = {"path", "wait", NULL};
    PyObject *path;
    int wait, code;

    if (!PyArg_ParseTupleAndKeywords(arguments, names, "O&i", keywords, PyUnicode_FSConverter,
                                     &path, &wait))
        return NULL;
    struct connection *self = (struct connection *)type->tp_alloc(type, 0);
    if (!self) {
        Py_DECREF(path);
        return NULL;
    }
    const char *name = PyBytes_AS_STRING(path);
    Py_BEGIN_ALLOW_THREADS code =
        sqlite3_open_v2(name, &self->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(self->database, wait);
    Py_END_ALLOW_THREADS Py_DECREF(path);
    if (code == SQLITE_OK)
        return (PyObject *)self;
    fail(self->database, code);
    Py_DECREF(self);
    return NULL;
}

static void free_connection(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    close_database((struct connection *)object);
    type->tp_free(object);
    Py_DECREF(type);
}

/* Binds value number `at`, counted from 1: an SQLite code, or -1 after a Python exception. */
static int bind(sqlite3_stmt *statement, int at, PyObject *value)
{
    if (value == Py_None)
        return sqlite3_bind_null(statement, at);
    if (PyLong_Check(value)) {
        long long number = PyLong_AsLongLong(value);
        if (number == -1 && PyErr_Occurred())
            return -1;
        return sqlite3_bind_int64(statement, at, number);
    }
    if (PyFloat_Check(value))
        return sqlite3_bind_double(statement, at, PyFloat_AS_DOUBLE(value));
    if (PyUnicode_Check(value)) {
        Py_ssize_t length;
        const char *text = PyUnicode_AsUTF8AndSize(value, &length);
        if (!text)
            return -1;
        return sqlite3_bind_text64(statement, at, text, (sqlite3_uint64)length, SQLITE_TRANSIENT,
                                   SQLITE_UTF8);
    }
    PyErr_Format(PyExc_TypeError, "SQLite value %d is of type %s", at, Py_TYPE(value)->tp_name);
    return -1;
}

static PyObject *column(sqlite3_stmt *statement, int at)
{
    switch (sqlite3_column_type(statement, at)) {
    case SQLITE_INTEGER: return PyLong_FromLongLong(sqlite3_column_int64(statement, at));
    case SQLITE_FLOAT: return PyFloat_FromDouble(sqlite3_column_double(statement, at));
    case SQLITE_NULL: Py_RETURN_NONE;
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(statement, at);
        return text ? PyUnicode_DecodeUTF8(text, sqlite3_column_bytes(statement, at), NULL)
                    : PyErr_NoMemory();
    }
    default: {
        const char *bytes = sqlite3_column_blob(statement, at);
        return PyBytes_FromStringAndSize(bytes, sqlite3_column_bytes(statement, at));
    }
    }
}

static PyObject *row(sqlite3_stmt *statement)
{
    int count = sqlite3_column_count(statement);
    PyObject *columns = PyTuple_New(count);

    for (int at = 0; columns && at < count; at++) {
        PyObject *value = column(statement, at);
        if (!value)
            Py_CLEAR(columns);
        else
            PyTuple_SET_ITEM(columns, at, value);
    }
    return columns;
}

/* Adds the rows of a statement to `list`: SQLITE_DONE, another code, or -1 after an exception. */
static int step(sqlite3_stmt *statement, PyObject *list)
{
    int code;

    for (;;) {
        Py_BEGIN_ALLOW_THREADS code = sqlite3_step(statement);
        Py_END_ALLOW_THREADS if (code != SQLITE_ROW) return code;
        PyObject *columns = row(statement);
        if (!columns)
            return -1;
        int added = PyList_Append(list, columns);
        Py_DECREF(columns);
        if (added < 0)
            return -1;
    }
}

static PyObject *rows(PyObject *object, PyObject *arguments)
{
    sqlite3 *database = ((struct connection *)object)->database;
    sqlite3_stmt *statement = NULL;
    const char *text;
    Py_ssize_t length;
    PyObject *values;
    int code;

    if (!PyArg_ParseTuple(arguments, "s#O!", &text, &length, &PyTuple_Type, &values))
        return NULL;
    if (!database || length >= INT_MAX)
        return fail(NULL, database ? SQLITE_TOOBIG : SQLITE_MISUSE);
    Py_BEGIN_ALLOW_THREADS code =
        sqlite3_prepare_v2(database, text, (int)length + 1, &statement, NULL);
    Py_END_ALLOW_THREADS if (code == SQLITE_OK &&
                             sqlite3_bind_parameter_count(statement) != PyTuple_GET_SIZE(values))
    {
        PyErr_Format(PyExc_TypeError, "an SQLite statement with %d values got %zd",
                     sqlite3_bind_parameter_count(statement), PyTuple_GET_SIZE(values));
        code = -1;
    }
    for (int at = 0; code == SQLITE_OK && at < PyTuple_GET_SIZE(values); at++)
        code = bind(statement, at + 1, PyTuple_GET_ITEM(values, at));
    PyObject *list = code == SQLITE_OK ? PyList_New(0) : NULL;
    if (list) /* a statement of white space alone is NULL */
        code = statement ? step(statement, list) : SQLITE_DONE;
    if (code != SQLITE_DONE) {
        Py_CLEAR(list);
        if (!PyErr_Occurred())
            fail(database, code);
    }
    sqlite3_finalize(statement);
    return list;
}

static PyObject *close_connection(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    close_database((struct connection *)object);
    Py_RETURN_NONE;
}

static PyObject *in_transaction(PyObject *object, void *nothing)
{
    sqlite3 *database = ((struct connection *)object)->database;

    (void)nothing;
    return PyBool_FromLong(database && !sqlite3_get_autocommit(database));
}

static PyMethodDef methods[] = {
    {"rows", rows, METH_VARARGS,
     "rows(statement: str, values: tuple) -> list[tuple]\n\nExecutes one statement; Error."},
    {"close", close_connection, METH_NOARGS, "Closes the database."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"in_transaction", in_transaction, NULL, "Whether a transaction is open.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot connection_slots[] = {
    {Py_tp_new, new_connection},
    {Py_tp_dealloc, free_connection},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec connection = {
    .name = "hutch._sqlite.Connection",
    .basicsize = sizeof(struct connection),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = connection_slots,
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "hutch._sqlite",
    .m_doc = "SQLite for the store's database.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit__sqlite(void)
{
    PyObject *module = PyModule_Create(&definition);
    PyObject *type = module ? PyType_FromSpec(&connection) : NULL;

    error_type = type ? PyErr_NewException("hutch._sqlite.Error", NULL, NULL) : NULL;
    if (!error_type || PyModule_AddObjectRef(module, "Connection", type) < 0 ||
        PyModule_AddObjectRef(module, "Error", error_type) < 0)
        Py_CLEAR(module);
    Py_XDECREF(type);
    return module;
}
