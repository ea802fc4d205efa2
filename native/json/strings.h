/* Strings and names of the text that is decoded. A part of json.c. */
#ifndef HUTCH_JSON_STRINGS_H
#define HUTCH_JSON_STRINGS_H

#include "characters.h"
#include "text.h"

/* Whether a byte of a string needs no decoding: ASCII without controls, quote and backslash. */
static int plain(unsigned char c)
{
    static const unsigned char table[256] = {
        [0x20 ... 0x21] = 1,
        [0x23 ... 0x5B] = 1,
        [0x5D ... 0x7F] = 1,
    };
    return table[c];
}

/* The length of the UTF-8 sequence at p; 0 if it is not valid (RFC 3629: the shortest form, and no
 * surrogates). */
static int sequence(const unsigned char *p)
{
    unsigned char low = 0x80, high = 0xBF;
    int length;

    if (p[0] < 0xC2)
        return 0;
    if (p[0] < 0xE0) {
        length = 2;
    } else if (p[0] < 0xF0) {
        length = 3;
        if (p[0] == 0xE0)
            low = 0xA0;
        if (p[0] == 0xED)
            high = 0x9F;
    } else if (p[0] < 0xF5) {
        length = 4;
        if (p[0] == 0xF0)
            low = 0x90;
        if (p[0] == 0xF4)
            high = 0x8F;
    } else {
        return 0;
    }
    if (p[1] < low || p[1] > high)
        return 0;
    for (int i = 2; i < length; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

/* The number in four hexadecimal digits; -1 if they are not valid. */
static long hex4(const unsigned char *p)
{
    long value = 0;

    for (int i = 0; i < 4; i++) {
        unsigned char c = p[i];
        int nibble = c >= '0' && c <= '9'   ? c - '0'
                     : c >= 'a' && c <= 'f' ? c - 'a' + 10
                     : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                            : -1;
        if (nibble < 0)
            return -1;
        value = value << 4 | nibble;
    }
    return value;
}

static unsigned char *put_utf8(unsigned char *out, long c)
{
    if (c < 0x80) {
        *out++ = (unsigned char)c;
    } else if (c < 0x800) {
        *out++ = (unsigned char)(0xC0 | c >> 6);
        *out++ = (unsigned char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (unsigned char)(0xE0 | c >> 12);
        *out++ = (unsigned char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (unsigned char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (unsigned char)(0xF0 | c >> 18);
        *out++ = (unsigned char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (unsigned char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (unsigned char)(0x80 | (c & 0x3F));
    }
    return out;
}

/*
 * Decodes the escape that begins with the backslash at *at, and moves *at after it. Returns the code
 * point, or -1 with the error set. A code point in UTF-8 is never longer than its escape.
 */
static long escape(const struct text *t, const unsigned char **at)
{
    const unsigned char *p = *at;
    long c, low;

    *at = p + 2;
    switch (p[1]) {
    case '"':
    case '\\':
    case '/': return p[1];
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': break;
    default: fail(t, p, "a backslash must be followed by one of \" \\ / b f n r t u"); return -1;
    }
    c = hex4(p + 2);
    if (c < 0) {
        fail(t, p, "\\u takes four hexadecimal digits");
        return -1;
    }
    *at = p + 6;
    if (c < 0xD800 || c > 0xDFFF)
        return c;
    if (c < 0xDC00 && p[6] == '\\' && p[7] == 'u') {
        low = hex4(p + 8);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *at = p + 12;
            return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        }
    }
    fail(t, p, "only half of a surrogate pair");
    return -1;
}

/* A string in which a byte needs decoding: the first one is at `at`. */
static PyObject *escaped(struct text *t, const unsigned char *start, const unsigned char *at)
{
    const unsigned char *close = at;
    unsigned char *buffer, *out;
    PyObject *result = NULL;

    while (*close >= 0x20 && *close != '"')
        close += *close == '\\' && close[1] >= 0x20 ? 2 : 1;
    if (close == t->end)
        return fail(t, start - 1, "the string that begins here has no closing quote");
    if (*close == '\n')
        return fail(t, close, "a line break inside a string: is the closing quote missing?");
    if (*close != '"')
        return fail(t, close, "a control character inside a string");

    buffer = PyMem_Malloc((size_t)(close - start));
    if (!buffer)
        return PyErr_NoMemory();
    memcpy(buffer, start, (size_t)(at - start));
    out = buffer + (at - start);
    while (at < close) {
        if (*at == '\\') {
            long c = escape(t, &at);
            if (c < 0)
                goto done;
            out = put_utf8(out, c);
        } else if (*at < 0x80) {
            *out++ = *at++;
        } else {
            int length = sequence(at);
            if (!length) {
                fail(t, at, "the text is not UTF-8");
                goto done;
            }
            memcpy(out, at, (size_t)length);
            out += length;
            at += length;
        }
    }
    t->at = close + 1;
    /* The buffer is valid UTF-8, so that no error handler is called: that would import codecs. */
    result = PyUnicode_DecodeUTF8((const char *)buffer, out - buffer, NULL);
done:
    PyMem_Free(buffer);
    return result;
}

static PyObject *string(struct text *t)
{
    const unsigned char *start = t->at + 1, *at = start;

    while (plain(*at))
        at++;
    if (*at != '"')
        return escaped(t, start, at);
    t->at = at + 1;
    return ascii(start, at - start);
}

/*
 * The name of an object's member. It is interned, so that it is the same object as an equal constant
 * in the code, and a dictionary lookup only compares pointers.
 */
static PyObject *name(struct text *t)
{
    const unsigned char *start = t->at + 1, *at = start;
    Py_ssize_t length;
    PyObject **slot;

    while (plain(*at))
        at++;
    length = at - start;
    if (*at != '"' || length == 0 || length > MAX_INTERNED)
        return string(t);
    t->at = at + 1;
    slot = &t->names[(size_t)(length * 31 + start[0] * 7 + at[-1]) % NAME_SLOTS];
    if (!*slot || !is_ascii(*slot, start, length)) {
        PyObject *fresh = ascii(start, length);
        if (!fresh)
            return NULL;
        PyUnicode_InternInPlace(&fresh);
        Py_XDECREF(*slot);
        *slot = fresh;
    }
    return Py_NewRef(*slot);
}

#endif
