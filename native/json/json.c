/*
 * hutch._json: JSON for the hot path. To import the json module of the standard library would take
 * longer than everything else that a verb does. This file needs only Python.h, so it can be built as
 * an extension, and as a builtin module of the static executable.
 *
 *     decode(data: bytes) -> object    RFC 8259, strictly; ValueError(message, line, column)
 *     quote(text: str) -> str          the text as a JSON string, with its quotes
 *
 * Where the RFC lets a parser choose, this one refuses: a name that occurs twice in one object, a
 * lone surrogate, a number too large for a double, a byte order mark, nesting deeper than MAX_DEPTH,
 * a number with more than MAX_NUMBER characters. Integers are exact. The caller must limit the size
 * of the document.
 *
 * The headers have functions too, which are all compiled with this file, so that the compiler can
 * inline them.
 *
 * A bytes object ends with a NUL that is not part of its length. Every loop below stops at an
 * unexpected byte, and NUL is always unexpected. So no loop compares its position with the end.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>

#include "quote.h"
#include "strings.h"
#include "text.h"

static void space(struct text *t)
{
    const unsigned char *at = t->at;

    while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')
        at++;
    t->at = at;
}

/* A valid number that is not an integer of at most 18 digits. */
static PyObject *long_number(struct text *t, const unsigned char *start, int real)
{
    char digits[MAX_NUMBER + 1];
    size_t length = (size_t)(t->at - start);
    double value;

    if (length > MAX_NUMBER)
        return fail(t, start, "a number of more than 100 characters");
    memcpy(digits, start, length);
    digits[length] = '\0';
    if (!real)
        return PyLong_FromString(digits, NULL, 10);
    value = PyOS_string_to_double(digits, NULL, NULL);
    if (value == -1.0 && PyErr_Occurred())
        return NULL;
    if (isinf(value))
        return fail(t, start, "a number too large for a double");
    return PyFloat_FromDouble(value);
}

static int is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static PyObject *number(struct text *t)
{
    const unsigned char *start = t->at, *at = start, *first;
    long long value = 0;
    int real = 0;

    if (*at == '-')
        at++;
    first = at;
    while (is_digit(*at)) {
        if (at - first < 18)
            value = value * 10 + (*at - '0');
        at++;
    }
    t->at = at;
    if (at == first)
        return *at == 'I' ? unexpected(t, "") : fail(t, start, "a minus sign without a number");
    if (*first == '0' && at - first > 1)
        return fail(t, start, "a number does not begin with 0");
    if (*at != '.' && (*at | 0x20) != 'e' && at - first <= 18)
        return PyLong_FromLongLong(*start == '-' ? -value : value);
    if (*at == '.') {
        real = 1;
        if (!is_digit(*++at))
            return fail(t, start, "digits are missing after the decimal point");
        while (is_digit(*at))
            at++;
    }
    if ((*at | 0x20) == 'e') {
        real = 1;
        at++;
        if (*at == '+' || *at == '-')
            at++;
        if (!is_digit(*at))
            return fail(t, start, "digits are missing in the exponent");
        while (is_digit(*at))
            at++;
    }
    t->at = at;
    return long_number(t, start, real);
}

static PyObject *value(struct text *t);

static PyObject *object(struct text *t)
{
    PyObject *members = PyDict_New();
    Py_ssize_t count = 0;

    if (!members)
        return NULL;
    t->at++;
    space(t);
    if (*t->at == '}')
        goto done;
    for (;;) {
        const unsigned char *name_at = t->at;
        PyObject *key, *item;
        int failed;

        if (*t->at != '"') {
            unexpected(t, count ? "a name in double quotes after the comma"
                                : "a name in double quotes");
            goto failure;
        }
        key = name(t);
        if (!key)
            goto failure;
        space(t);
        if (*t->at != ':') {
            unexpected(t, "a colon after the name");
            Py_DECREF(key);
            goto failure;
        }
        t->at++;
        space(t);
        item = value(t);
        failed = !item || PyDict_SetItem(members, key, item);
        if (!failed && PyDict_Size(members) != ++count) {
            fail_with(t, name_at,
                      PyUnicode_FromFormat("the name \"%.60U\" occurs twice in one object", key));
            failed = 1;
        }
        Py_XDECREF(item);
        Py_DECREF(key);
        if (failed)
            goto failure;
        space(t);
        if (*t->at == '}')
            goto done;
        if (*t->at != ',') {
            unexpected(t, "a comma or the closing brace");
            goto failure;
        }
        t->at++;
        space(t);
    }
done:
    t->at++;
    return members;
failure:
    Py_DECREF(members);
    return NULL;
}

static PyObject *array(struct text *t)
{
    PyObject *items = PyList_New(0);

    if (!items)
        return NULL;
    t->at++;
    space(t);
    if (*t->at == ']')
        goto done;
    for (;;) {
        PyObject *item = value(t);
        int failed = !item || PyList_Append(items, item);

        Py_XDECREF(item);
        if (failed)
            goto failure;
        space(t);
        if (*t->at == ']')
            goto done;
        if (*t->at != ',') {
            unexpected(t, "a comma or the closing bracket");
            goto failure;
        }
        t->at++;
        space(t);
    }
done:
    t->at++;
    return items;
failure:
    Py_DECREF(items);
    return NULL;
}

static PyObject *literal(struct text *t, const char *word, PyObject *result)
{
    size_t length = strlen(word);

    if (strncmp((const char *)t->at, word, length))
        return unexpected(t, "a value");
    t->at += length;
    return Py_NewRef(result);
}

static PyObject *value(struct text *t)
{
    PyObject *result;

    switch (*t->at) {
    case '"': return string(t);
    case '{':
    case '[':
        if (t->depth == MAX_DEPTH)
            return fail(t, t->at, "nested deeper than 200 levels");
        t->depth++;
        result = *t->at == '{' ? object(t) : array(t);
        t->depth--;
        return result;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': return number(t);
    case 't': return literal(t, "true", Py_True);
    case 'f': return literal(t, "false", Py_False);
    case 'n': return literal(t, "null", Py_None);
    default: return unexpected(t, "a value");
    }
}

static PyObject *decode(PyObject *module, PyObject *data)
{
    struct text t = {0};
    PyObject *result;
    char *bytes;
    Py_ssize_t size;

    (void)module;
    if (!PyBytes_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "decode() takes bytes");
        return NULL;
    }
    if (PyBytes_AsStringAndSize(data, &bytes, &size))
        return NULL;
    t.start = t.at = (const unsigned char *)bytes;
    t.end = t.start + size;
    space(&t);
    result = value(&t);
    if (result) {
        space(&t);
        if (t.at != t.end) {
            Py_CLEAR(result);
            fail(&t, t.at, "more text follows the value");
        }
    }
    for (int i = 0; i < NAME_SLOTS; i++)
        Py_XDECREF(t.names[i]);
    return result;
}

static PyMethodDef functions[] = {
    {"decode", decode, METH_O,
     "decode(data: bytes) -> object\n\nRFC 8259, strictly; ValueError(message, line, column)."},
    {"quote", quote, METH_O,
     "quote(text: str) -> str\n\nThe text as a JSON string; printable characters are not escaped."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "hutch._json",
    .m_doc = "JSON for the hot path: decode and quote.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__json(void)
{
    return PyModuleDef_Init(&definition);
}
