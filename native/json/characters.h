/* The memory of Python's strings: directly, or by the limited API, for an extension that any version
 * of the interpreter can load. That is slower, because it copies a string to look into it. A part of
 * json.c. */
#ifndef HUTCH_JSON_CHARACTERS_H
#define HUTCH_JSON_CHARACTERS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#ifdef Py_LIMITED_API

static inline PyObject *ascii(const unsigned char *start, Py_ssize_t length)
{
    return PyUnicode_DecodeASCII((const char *)start, length, NULL);
}

/* Whether an ASCII string has this text. */
static inline int is_ascii(PyObject *known, const unsigned char *start, Py_ssize_t length)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(known, &size);

    return text && size == length && !memcmp(text, start, (size_t)length);
}

/* The characters of a string, as wide ones, which have 32 bits on Linux: read, or being written. */
struct characters {
    PyObject *whole;
    wchar_t *at;
    Py_ssize_t length;
};

static inline int read_characters(PyObject *text, struct characters *c)
{
    c->whole = NULL;
    c->at = PyUnicode_AsWideCharString(text, &c->length);
    return c->at ? 0 : -1;
}

static inline Py_UCS4 character(const struct characters *c, Py_ssize_t i)
{
    return (Py_UCS4)c->at[i];
}

static inline void done_reading(struct characters *c)
{
    PyMem_Free(c->at);
}

static inline int new_characters(Py_ssize_t length, Py_UCS4 widest, struct characters *c)
{
    (void)widest;
    c->length = length;
    c->at = PyMem_Malloc((size_t)length * sizeof(wchar_t));
    if (!c->at)
        PyErr_NoMemory();
    return c->at ? 0 : -1;
}

static inline void put_character(struct characters *c, Py_ssize_t i, Py_UCS4 value)
{
    c->at[i] = (wchar_t)value;
}

static inline PyObject *done_writing(struct characters *c)
{
    PyObject *result = PyUnicode_FromWideChar(c->at, c->length);

    PyMem_Free(c->at);
    return result;
}

#else

/* The characters of a string: read, or being written. */
struct characters {
    PyObject *whole;
    void *at;
    Py_ssize_t length;
    int kind;
};

static inline int read_characters(PyObject *text, struct characters *c)
{
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(text) < 0)
        return -1;
#endif
    c->whole = text;
    c->length = PyUnicode_GET_LENGTH(text);
    c->kind = PyUnicode_KIND(text);
    c->at = PyUnicode_DATA(text);
    return 0;
}

static inline Py_UCS4 character(const struct characters *c, Py_ssize_t i)
{
    return PyUnicode_READ(c->kind, c->at, i);
}

static inline void done_reading(struct characters *c)
{
    (void)c;
}

static inline int new_characters(Py_ssize_t length, Py_UCS4 widest, struct characters *c)
{
    c->whole = PyUnicode_New(length, widest);
    if (!c->whole)
        return -1;
    c->length = length;
    c->kind = PyUnicode_KIND(c->whole);
    c->at = PyUnicode_DATA(c->whole);
    return 0;
}

static inline void put_character(struct characters *c, Py_ssize_t i, Py_UCS4 value)
{
    PyUnicode_WRITE(c->kind, c->at, i, value);
}

static inline PyObject *done_writing(struct characters *c)
{
    return c->whole;
}

static inline PyObject *ascii(const unsigned char *start, Py_ssize_t length)
{
    PyObject *result = PyUnicode_New(length, 127);

    if (result)
        memcpy(PyUnicode_1BYTE_DATA(result), start, (size_t)length);
    return result;
}

/* Whether an ASCII string has this text. */
static inline int is_ascii(PyObject *known, const unsigned char *start, Py_ssize_t length)
{
    return PyUnicode_GET_LENGTH(known) == length &&
           !memcmp(PyUnicode_1BYTE_DATA(known), start, (size_t)length);
}

#endif
#endif
