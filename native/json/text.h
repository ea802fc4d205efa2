/* The text that is decoded, and the errors for a wrong byte in it. A part of json.c. */
#ifndef HUTCH_JSON_TEXT_H
#define HUTCH_JSON_TEXT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

enum {
    MAX_DEPTH = 200,   /* limits the recursion to about 40 KiB of stack */
    MAX_NUMBER = 100,  /* characters; no valid number in a config has more than 20 */
    MAX_INTERNED = 64, /* bytes; no field has a longer name */
    NAME_SLOTS = 64,
};

struct text {
    const unsigned char *start, *at, *end;
    int depth;
    PyObject *names[NAME_SLOTS]; /* names that were found before; many occur again */
};

/* Raises ValueError with the place of the first wrong byte: line and character, counted from 1. */
static PyObject *fail_with(const struct text *t, const unsigned char *at, PyObject *message)
{
    Py_ssize_t line = 1, column = 1;

    if (!message)
        return NULL;
    for (const unsigned char *p = t->start; p < at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if ((*p & 0xC0) != 0x80) {
            column++;
        }
    }
    PyObject *args = Py_BuildValue("(Nnn)", message, line, column);
    if (args)
        PyErr_SetObject(PyExc_ValueError, args);
    Py_XDECREF(args);
    return NULL;
}

static PyObject *fail(const struct text *t, const unsigned char *at, const char *message)
{
    return fail_with(t, at, PyUnicode_FromString(message));
}

static PyObject *unexpected(const struct text *t, const char *wanted)
{
    unsigned char c = *t->at;

    if (t->at == t->end)
        return fail_with(t, t->at,
                         PyUnicode_FromFormat("the text ends, but %s must follow", wanted));
    if (c == '\'')
        return fail(t, t->at, "strings must have double quotes");
    if (c == '/' || c == '#')
        return fail(t, t->at, "JSON has no comments");
    if (c == 'N' || c == 'I')
        return fail(t, t->at, "NaN and Infinity are not JSON");
    if (c == 0xEF && t->at == t->start)
        return fail(t, t->at, "a byte order mark before the text");
    if (c > 0x20 && c < 0x7F)
        return fail_with(t, t->at, PyUnicode_FromFormat("expected %s, found '%c'", wanted, c));
    return fail_with(t, t->at, PyUnicode_FromFormat("expected %s, found byte 0x%x", wanted, c));
}

#endif
