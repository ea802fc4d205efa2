/* The JSON decoder, an extension of the interpreter, which is embedded here. */
#include <Python.h>

#include <stdlib.h>

PyMODINIT_FUNC PyInit__json(void);
static PyObject *decode, *quote;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.site_import = 0;
    PyImport_AppendInittab("_hutch_json", PyInit__json);
    if (PyStatus_Exception(Py_InitializeFromConfig(&config)))
        abort();
    PyConfig_Clear(&config);
    PyObject *module = PyImport_ImportModule("_hutch_json");
    if (!module)
        abort();
    decode = PyObject_GetAttrString(module, "decode");
    quote = PyObject_GetAttrString(module, "quote");
    return decode && quote ? 0 : (abort(), 1);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)size);
    PyObject *value = PyObject_CallOneArg(decode, bytes);
    if (!value && !PyErr_ExceptionMatches(PyExc_ValueError))
        abort();
    if (value && PyUnicode_Check(value)) {
        /* A string that was read comes back the same after it was written. */
        PyObject *text = PyObject_CallOneArg(quote, value);
        PyObject *again = text ? PyUnicode_AsUTF8String(text) : NULL;
        PyObject *same = again ? PyObject_CallOneArg(decode, again) : NULL;
        if (again && (!same || PyUnicode_Compare(same, value) != 0))
            abort();
        Py_XDECREF(text);
        Py_XDECREF(again);
        Py_XDECREF(same);
    }
    PyErr_Clear();
    Py_XDECREF(value);
    Py_DECREF(bytes);
    return 0;
}
