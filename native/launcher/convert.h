/* Converts arguments and results between Python and C. The generated bindings (native/binding.py) use
 * it. */
#ifndef HUTCH_CONVERT_H
#define HUTCH_CONVERT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <limits.h>

struct argument {
    long long number;
    Py_buffer bytes;
};

static inline void release_arguments(const char *signature, struct argument *arguments,
                                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strchr("sbw", signature[i]))
            PyBuffer_Release(&arguments[i].bytes);
}

/* `kind`: i int, u unsigned int, l long long, k unsigned 64 bits, s and b bytes, w writable bytes. */
static inline int take_argument(char kind, PyObject *given, struct argument *taken)
{
    switch (kind) {
    case 's': /* a string: a bytes object always has a NUL after its end */
        if (!PyBytes_Check(given)) {
            PyErr_SetString(PyExc_TypeError, "must be bytes");
            return 0;
        }
        /* fall through */
    case 'b': return PyObject_GetBuffer(given, &taken->bytes, PyBUF_SIMPLE) == 0;
    case 'w': return PyObject_GetBuffer(given, &taken->bytes, PyBUF_WRITABLE) == 0;
    case 'k': taken->number = (long long)PyLong_AsUnsignedLongLong(given); return !PyErr_Occurred();
    default:
        taken->number = PyLong_AsLongLong(given);
        if (PyErr_Occurred())
            return 0;
        if ((kind == 'i' && (taken->number < INT_MIN || taken->number > INT_MAX)) ||
            (kind == 'u' && (taken->number < 0 || taken->number > UINT_MAX))) {
            PyErr_SetString(PyExc_OverflowError, "the number does not fit");
            return 0;
        }
        return 1;
    }
}

static inline int take_arguments(const char *signature, PyObject *const *given, Py_ssize_t count,
                                 struct argument *taken)
{
    size_t wanted = strlen(signature);
    if ((size_t)count != wanted) {
        PyErr_Format(PyExc_TypeError, "%zu arguments are wanted, not %zd", wanted, count);
        return 0;
    }
    for (size_t i = 0; i < wanted; i++)
        if (!take_argument(signature[i], given[i], &taken[i])) {
            release_arguments(signature, taken, i);
            return 0;
        }
    return 1;
}

static inline PyObject *give_result(const char *signature, struct argument *taken, long long result)
{
    release_arguments(signature, taken, strlen(signature));
    return PyLong_FromLongLong(result);
}

/* The parts of cffi's FFI that hutch uses: from_buffer(object), new("unsigned char[]", size), and
 * buffer(result of new, length). */
static inline PyObject *ffi_from_buffer(PyObject *module, PyObject *object)
{
    (void)module;
    return Py_NewRef(object);
}

static inline PyObject *ffi_new(PyObject *module, PyObject *arguments)
{
    (void)module;
    const char *type;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(arguments, "sn", &type, &size))
        return NULL;
    PyObject *buffer = PyByteArray_FromStringAndSize(NULL, size);
    if (buffer)
        memset(PyByteArray_AS_STRING(buffer), 0, (size_t)size);
    return buffer;
}

static inline PyObject *ffi_buffer(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *buffer;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(arguments, "Yn", &buffer, &length))
        return NULL;
    if (length < 0 || length > PyByteArray_GET_SIZE(buffer)) {
        PyErr_SetString(PyExc_IndexError, "longer than the buffer");
        return NULL;
    }
    return PyBytes_FromStringAndSize(PyByteArray_AS_STRING(buffer), length);
}

/* A module whose attribute `lib` is the module itself; its `ffi` has the functions above. */
static inline PyObject *make_module(const char *name, PyMethodDef *calls)
{
    static PyMethodDef ffi_calls[] = {
        {"from_buffer", ffi_from_buffer, METH_O, NULL},
        {"new", ffi_new, METH_VARARGS, NULL},
        {"buffer", ffi_buffer, METH_VARARGS, NULL},
        {NULL, NULL, 0, NULL},
    };
    static struct PyModuleDef ffi_definition = {
        .m_base = PyModuleDef_HEAD_INIT, .m_name = "ffi", .m_size = -1, .m_methods = ffi_calls};
    static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT, .m_size = -1};
    definition.m_name = name;
    definition.m_methods = calls;
    PyObject *module = PyModule_Create(&definition);
    PyObject *ffi = PyModule_Create(&ffi_definition);
    if (!module || PyModule_AddObjectRef(module, "lib", module) < 0 ||
        PyModule_AddObjectRef(module, "ffi", ffi) < 0)
        return NULL;
    return module;
}

#endif
