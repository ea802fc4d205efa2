/* Writes a text as a JSON string. A part of json.c. */
#ifndef HUTCH_JSON_QUOTE_H
#define HUTCH_JSON_QUOTE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/*
 * The letter of a character's short escape; 'u' if its escape is \uXXXX; 0 if it has none. More
 * characters than the RFC demands are escaped, because a terminal may show the text: DEL, the C1
 * controls, and U+2028 and U+2029, which are line ends in JavaScript.
 */
static int escape_letter(Py_UCS4 c)
{
    switch (c) {
    case '"':
    case '\\': return (int)c;
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case 0x2028:
    case 0x2029: return 'u';
    default: return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0xD800 && c < 0xE000) ? 'u' : 0;
    }
}

static PyObject *quote(PyObject *module, PyObject *text)
{
    static const char hex[] = "0123456789abcdef";
    Py_ssize_t length, size = 2, at = 1;
    Py_UCS4 widest = 127;
    const void *data;
    void *out;
    PyObject *result;
    int kind, out_kind;

    (void)module;
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "quote() takes a str");
        return NULL;
    }
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(text) < 0)
        return NULL;
#endif
    length = PyUnicode_GET_LENGTH(text);
    kind = PyUnicode_KIND(text);
    data = PyUnicode_DATA(text);
    if (length > (PY_SSIZE_T_MAX - 2) / 6)
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < length; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        int letter = escape_letter(c);

        size += !letter ? 1 : letter == 'u' ? 6 : 2;
        if (!letter && c > widest)
            widest = c;
    }
    result = PyUnicode_New(size, widest);
    if (!result)
        return NULL;
    out_kind = PyUnicode_KIND(result);
    out = PyUnicode_DATA(result);
    PyUnicode_WRITE(out_kind, out, 0, '"');
    for (Py_ssize_t i = 0; i < length; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        int letter = escape_letter(c);

        if (!letter) {
            PyUnicode_WRITE(out_kind, out, at++, c);
            continue;
        }
        PyUnicode_WRITE(out_kind, out, at++, '\\');
        PyUnicode_WRITE(out_kind, out, at++, (Py_UCS4)letter);
        if (letter != 'u')
            continue;
        if (c >= 0xD800 && c < 0xE000)
            c = 0xFFFD; /* a lone surrogate is not a character: Go writes U+FFFD too */
        for (int shift = 12; shift >= 0; shift -= 4)
            PyUnicode_WRITE(out_kind, out, at++, (Py_UCS4)hex[c >> shift & 0xF]);
    }
    PyUnicode_WRITE(out_kind, out, at, '"');
    return result;
}

#endif
