/*
 * The builtin modules of hashlib for a static library of CPython that has them without their code:
 * since 3.13 that is in other archives, which Debian does not ship. libmd and libb2 do the work.
 *
 * They have what hutch and the standard library use: no SHA-3, and of BLAKE2's parameters only the
 * size and the key. An object has the methods of hashlib's.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <blake2.h>
#include <md5.h>
#include <sha1.h>
#include <sha2.h>

union state {
    MD5_CTX md5;
    SHA1_CTX sha1;
    SHA2_CTX sha2;
    blake2b_state blake2b;
    blake2s_state blake2s;
};

struct algorithm {
    const char *name;
    int size, block;
    void (*begin)(union state *state, size_t size, const Py_buffer *key);
    void (*add)(union state *state, const uint8_t *data, size_t size);
    void (*end)(union state *state, uint8_t *digest, size_t size);
};

struct digest {
    PyObject head;
    const struct algorithm *algorithm;
    size_t size;
    union state state;
};

#define OF_LIBMD(symbol, called, member, prefix, size, block)                                      \
    static void begin_##symbol(union state *state, size_t unused, const Py_buffer *none)           \
    {                                                                                              \
        (void)unused, (void)none;                                                                  \
        prefix##Init(&state->member);                                                              \
    }                                                                                              \
    static void add_##symbol(union state *state, const uint8_t *data, size_t length)               \
    {                                                                                              \
        prefix##Update(&state->member, data, length);                                              \
    }                                                                                              \
    static void end_##symbol(union state *state, uint8_t *digest, size_t unused)                   \
    {                                                                                              \
        (void)unused;                                                                              \
        prefix##Final(digest, &state->member);                                                     \
    }                                                                                              \
    static const struct algorithm symbol = {called,         size,         block,                   \
                                            begin_##symbol, add_##symbol, end_##symbol};

#define OF_LIBB2(symbol, size, block)                                                              \
    static void begin_##symbol(union state *state, size_t length, const Py_buffer *key)            \
    {                                                                                              \
        if (key->len)                                                                              \
            symbol##_init_key(&state->symbol, length, key->buf, (size_t)key->len);                 \
        else                                                                                       \
            symbol##_init(&state->symbol, length);                                                 \
    }                                                                                              \
    static void add_##symbol(union state *state, const uint8_t *data, size_t length)               \
    {                                                                                              \
        symbol##_update(&state->symbol, data, length);                                             \
    }                                                                                              \
    static void end_##symbol(union state *state, uint8_t *digest, size_t length)                   \
    {                                                                                              \
        symbol##_final(&state->symbol, digest, length);                                            \
    }                                                                                              \
    static const struct algorithm of_##symbol = {#symbol,        size,         block,              \
                                                 begin_##symbol, add_##symbol, end_##symbol};

OF_LIBMD(md5, "md5", md5, MD5, 16, 64)
OF_LIBMD(sha1, "sha1", sha1, SHA1, 20, 64)
#ifdef SHA224_DIGEST_LENGTH /* since libmd 1.1 */
OF_LIBMD(sha224, "sha224", sha2, SHA224, 28, 64)
#endif
OF_LIBMD(sha256, "sha256", sha2, SHA256, 32, 64)
OF_LIBMD(sha384, "sha384", sha2, SHA384, 48, 128)
OF_LIBMD(sha512, "sha512", sha2, SHA512, 64, 128)
OF_LIBB2(blake2b, 64, 128)
OF_LIBB2(blake2s, 32, 64)

static PyObject *take(struct digest *self, PyObject *data)
{
    Py_buffer bytes;
    if (PyObject_GetBuffer(data, &bytes, PyBUF_SIMPLE))
        return NULL;
    self->algorithm->add(&self->state, bytes.buf, (size_t)bytes.len);
    PyBuffer_Release(&bytes);
    return Py_NewRef(Py_None);
}

static PyObject *update(PyObject *self, PyObject *data)
{
    return take((struct digest *)self, data);
}

static PyObject *digest(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct digest *object = (struct digest *)self;
    union state copy = object->state;
    uint8_t result[64];
    object->algorithm->end(&copy, result, object->size);
    return PyBytes_FromStringAndSize((char *)result, (Py_ssize_t)object->size);
}

static PyObject *hexdigest(PyObject *self, PyObject *unused)
{
    PyObject *bytes = digest(self, unused);
    PyObject *text = bytes ? PyObject_CallMethod(bytes, "hex", NULL) : NULL;
    Py_XDECREF(bytes);
    return text;
}

static PyObject *copy(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct digest *other = PyObject_New(struct digest, Py_TYPE(self));
    if (!other)
        return NULL;
    other->algorithm = ((struct digest *)self)->algorithm;
    other->size = ((struct digest *)self)->size;
    other->state = ((struct digest *)self)->state;
    return (PyObject *)other;
}

static PyObject *name(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((struct digest *)self)->algorithm->name);
}

static PyObject *digest_size(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromSize_t(((struct digest *)self)->size);
}

static PyObject *block_size(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromLong(((struct digest *)self)->algorithm->block);
}

static PyMethodDef methods[] = {
    {"update", update, METH_O, NULL},
    {"digest", digest, METH_NOARGS, NULL},
    {"hexdigest", hexdigest, METH_NOARGS, NULL},
    {"copy", copy, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef fields[] = {
    {"name", name, NULL, NULL, NULL},
    {"digest_size", digest_size, NULL, NULL, NULL},
    {"block_size", block_size, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyTypeObject type = {
    .ob_base = {PyObject_HEAD_INIT(NULL) 0},
    .tp_name = "digest",
    .tp_basicsize = sizeof(struct digest),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = methods,
    .tp_getset = fields,
};

/* An object of hashlib: NAME(data=b"", *, usedforsecurity=True). BLAKE2 has digest_size and key, too.
 */
static PyObject *make(const struct algorithm *algorithm, PyObject *given, PyObject *named)
{
    static char *names[] = {"", "digest_size", "key", "usedforsecurity", NULL};
    PyObject *data = NULL;
    Py_buffer key = {.len = 0};
    int size = algorithm->size, used;
    if (!PyArg_ParseTupleAndKeywords(given, named, "|O$iy*p", names, &data, &size, &key, &used))
        return NULL;
    int blake2 = algorithm == &of_blake2b || algorithm == &of_blake2s;
    struct digest *self = NULL;
    if (size < 1 || size > algorithm->size || (!blake2 && size != algorithm->size))
        PyErr_Format(PyExc_ValueError, "%s has no digest of %d bytes", algorithm->name, size);
    else if (key.len > (blake2 ? algorithm->size : 0))
        PyErr_Format(PyExc_ValueError, "%s takes no key of %zd bytes", algorithm->name, key.len);
    else
        self = PyObject_New(struct digest, &type);
    if (self) {
        self->algorithm = algorithm;
        self->size = (size_t)size;
        algorithm->begin(&self->state, self->size, &key);
    }
    if (key.obj)
        PyBuffer_Release(&key);
    PyObject *taken = self && data ? take(self, data) : NULL;
    Py_XDECREF(taken);
    if (self && data && !taken)
        Py_CLEAR(self);
    return (PyObject *)self;
}

#define NEW(symbol, algorithm)                                                                     \
    static PyObject *new_##symbol(PyObject *module, PyObject *given, PyObject *named)              \
    {                                                                                              \
        (void)module;                                                                              \
        return make(&algorithm, given, named);                                                     \
    }
#define ROW(symbol)                                                                                \
    {                                                                                              \
#symbol, (PyCFunction)(void (*)(void))new_##symbol, METH_VARARGS | METH_KEYWORDS, NULL     \
    }

NEW(md5, md5)
NEW(sha1, sha1)
#ifdef SHA224_DIGEST_LENGTH
NEW(sha224, sha224)
#define ROW_SHA224 ROW(sha224),
#else
#define ROW_SHA224
#endif
NEW(sha256, sha256)
NEW(sha384, sha384)
NEW(sha512, sha512)
NEW(blake2b, of_blake2b)
NEW(blake2s, of_blake2s)

/* hashlib wants that all of its names exist. */
static PyObject *refuse(PyObject *module, PyObject *given, PyObject *named)
{
    (void)module, (void)given, (void)named;
    PyErr_SetString(PyExc_ValueError, "the static executable has no SHA-3");
    return NULL;
}
#define REFUSED(name)                                                                              \
    {                                                                                              \
        name, (PyCFunction)(void (*)(void))refuse, METH_VARARGS | METH_KEYWORDS, NULL              \
    }

#define MODULE(symbol, ...)                                                                        \
    PyObject *our_##symbol(void)                                                                   \
    {                                                                                              \
        static PyMethodDef functions[] = {__VA_ARGS__, {NULL, NULL, 0, NULL}};                     \
        static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT,                   \
                                                .m_name = #symbol,                                 \
                                                .m_size = -1,                                      \
                                                .m_methods = functions};                           \
        return PyType_Ready(&type) ? NULL : PyModule_Create(&definition);                          \
    }

MODULE(_md5, ROW(md5))
MODULE(_sha1, ROW(sha1))
MODULE(_sha2, ROW_SHA224 ROW(sha256), ROW(sha384), ROW(sha512))
MODULE(_blake2, ROW(blake2b), ROW(blake2s))
MODULE(_sha3, REFUSED("sha3_224"), REFUSED("sha3_256"), REFUSED("sha3_384"), REFUSED("sha3_512"),
       REFUSED("shake_128"), REFUSED("shake_256"))
