/* Writes a text as a JSON string. A part of json.c. */
#ifndef HUTCH_JSON_QUOTE_H
#define HUTCH_JSON_QUOTE_H

#include "characters.h"

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
    Py_ssize_t size = 2, at = 1;
    Py_UCS4 widest = 127;
    struct characters in, out;

    (void)module;
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "quote() takes a str");
        return NULL;
    }
    if (read_characters(text, &in))
        return NULL;
    if (in.length > (PY_SSIZE_T_MAX - 2) / 6) {
        done_reading(&in);
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < in.length; i++) {
        Py_UCS4 c = character(&in, i);
        int letter = escape_letter(c);

        size += !letter ? 1 : letter == 'u' ? 6 : 2;
        if (!letter && c > widest)
            widest = c;
    }
    if (new_characters(size, widest, &out)) {
        done_reading(&in);
        return NULL;
    }
    put_character(&out, 0, '"');
    for (Py_ssize_t i = 0; i < in.length; i++) {
        Py_UCS4 c = character(&in, i);
        int letter = escape_letter(c);

        if (!letter) {
            put_character(&out, at++, c);
            continue;
        }
        put_character(&out, at++, '\\');
        put_character(&out, at++, (Py_UCS4)letter);
        if (letter != 'u')
            continue;
        if (c >= 0xD800 && c < 0xE000)
            c = 0xFFFD; /* a lone surrogate is not a character: Go writes U+FFFD too */
        for (int shift = 12; shift >= 0; shift -= 4)
            put_character(&out, at++, (Py_UCS4)hex[c >> shift & 0xF]);
    }
    put_character(&out, at, '"');
    done_reading(&in);
    return done_writing(&out);
}

#endif
