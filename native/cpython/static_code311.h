/* Macros for Python objects as static data, for CPython 3.11. native/static_code.py uses them.
 *
 * The interpreter does the same with its own frozen modules. No object is ever freed: its reference
 * count starts with a number that no program can count down to 0. */
#ifndef HUTCH_STATIC_CODE_H
#define HUTCH_STATIC_CODE_H

#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_code.h>
#include <internal/pycore_gc.h>

#define HEAD(type)                                                                                 \
    {                                                                                              \
        .ob_refcnt = 999999999, .ob_type = &type                                                   \
    }
#define VAR_HEAD(type, size)                                                                       \
    {                                                                                              \
        HEAD(type), .ob_size = size                                                                \
    }

#define STATIC_ASCII(name, size, text)                                                             \
    static struct {                                                                                \
        PyASCIIObject head;                                                                        \
        char data[(size) + 1];                                                                     \
    } name = {{.ob_base = HEAD(PyUnicode_Type),                                                    \
               .length = size,                                                                     \
               .hash = -1,                                                                         \
               .state = {.kind = 1, .compact = 1, .ascii = 1, .ready = 1}},                        \
              text}

#define STATIC_TEXT(name, size, unit, ...)                                                         \
    static struct {                                                                                \
        PyCompactUnicodeObject head;                                                               \
        unit data[(size) + 1];                                                                     \
    } name = {{._base = {.ob_base = HEAD(PyUnicode_Type),                                          \
                         .length = size,                                                           \
                         .hash = -1,                                                               \
                         .state = {.kind = sizeof(unit), .compact = 1, .ready = 1}}},              \
              {__VA_ARGS__}}

#define STATIC_BYTES(name, size, ...)                                                              \
    static struct {                                                                                \
        PyVarObject head;                                                                          \
        Py_hash_t hash;                                                                            \
        unsigned char data[(size) + 1];                                                            \
    } name = {VAR_HEAD(PyBytes_Type, size), -1, {__VA_ARGS__}}

#define STATIC_INTEGER(name, sign, count, ...)                                                     \
    static struct {                                                                                \
        PyVarObject head;                                                                          \
        digit digits[count];                                                                       \
    } name = {VAR_HEAD(PyLong_Type, (sign) * (count)), {__VA_ARGS__}}

#define STATIC_FLOAT(name, value) static PyFloatObject name = {HEAD(PyFloat_Type), value}

#define STATIC_TUPLE(name, count, ...)                                                             \
    static struct {                                                                                \
        PyGC_Head collector;                                                                       \
        PyVarObject head;                                                                          \
        PyObject *items[(count) + !(count)];                                                       \
    } name = {{0, 0}, VAR_HEAD(PyTuple_Type, count), {__VA_ARGS__}}

#define OBJECT(name) ((PyObject *)&(name))
#define TUPLE(name) ((PyObject *)&(name).head)

#endif
