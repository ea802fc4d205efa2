/* CPython 3.13. */
#ifndef HUTCH_PYTHON313_H
#define HUTCH_PYTHON313_H

#include <internal/pycore_codecs.h>
#include <internal/pycore_pystate.h>

IS_FIELD(_PyRuntimeState, autoTSSkey, Py_tss_t);
IS_FUNCTION(_Py_tss_tstate, PyThreadState *);

IS_FUNCTION(_PyCodec_InitRegistry, PyStatus(PyInterpreterState *));

/* What is not part of the core's initialisation, but must not be missing. */
static inline PyStatus complete_core(PyInterpreterState *interpreter)
{
    return _PyCodec_InitRegistry(interpreter);
}

#define NO_DEEP_FROZEN_MODULES

/* Two builds make the same snapshot. */
static inline void leave_this_thread(PyThreadState *thread)
{
    /* What is left of the frames there has addresses of the C stack in it. */
    char *unused = (char *)thread->datastack_top;
    memset(unused, 0, (size_t)((char *)thread->datastack_limit - unused));
}

/* What the interpreter has of the thread that made the snapshot becomes this one's. After fork(2)
 * much the same is necessary. Returns 0, or another number after an error. */
static inline int become_this_thread(PyThreadState *thread)
{
    _Py_tss_tstate = thread;
    thread->thread_id = PyThread_get_thread_ident();
    PyOS_AfterFork_Child();
    return PyThread_tss_set(&_PyRuntime.autoTSSkey, thread);
}

#endif
