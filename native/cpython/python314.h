/* CPython 3.14. */
#ifndef HUTCH_PYTHON314_H
#define HUTCH_PYTHON314_H

#include <internal/pycore_codecs.h>
#include <internal/pycore_pystate.h>
#include <sys/resource.h>

IS_FIELD(_PyRuntimeState, autoTSSkey, Py_tss_t);
IS_FUNCTION(_Py_tss_tstate, PyThreadState *);
IS_FIELD(_PyThreadStateImpl, c_stack_soft_limit, uintptr_t);

IS_FUNCTION(_PyCodec_InitRegistry, PyStatus(PyInterpreterState *));

/* What is not part of the core's initialisation, but must not be missing. */
static inline PyStatus complete_core(PyInterpreterState *interpreter)
{
    return _PyCodec_InitRegistry(interpreter);
}

#define NO_DEEP_FROZEN_MODULES

/* The interpreter compares the stack's pointer with limits to find a recursion that is too deep. Its
 * own function reads them from /proc/self/maps, which takes long. */
static inline int set_stack_limits(PyThreadState *thread)
{
    struct rlimit limit = {0, 0};
    size_t size = 8 << 20, margin = 64 << 10;
    char *top = __builtin_frame_address(0);
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < size)
        size = limit.rlim_cur;
    size = size > 4 * margin ? size - margin : 4 * margin; /* arguments and environment are above */
    return PyUnstable_ThreadState_SetStackProtection(thread, top - size, size);
}

/* Two builds make the same snapshot. The place of the stack is another one each time. */
static inline void leave_this_thread(PyThreadState *thread)
{
    _PyThreadStateImpl *state = (_PyThreadStateImpl *)thread;
    state->c_stack_top = state->c_stack_soft_limit = state->c_stack_hard_limit = 0;
    state->c_stack_init_base = state->c_stack_init_top = 0;
    /* What is left of the frames there has addresses of the C stack in it. */
    char *unused = (char *)thread->datastack_top;
    memset(unused, 0, (size_t)((char *)thread->datastack_limit - unused));
}

/* What the interpreter has of the thread that made the snapshot becomes this one's. After fork(2)
 * much the same is necessary. Returns 0, or another number after an error. */
static inline int become_this_thread(PyThreadState *thread)
{
    _Py_tss_tstate = thread;
    if (set_stack_limits(thread))
        return -1;
    thread->thread_id = PyThread_get_thread_ident();
    PyOS_AfterFork_Child();
    return PyThread_tss_set(&_PyRuntime.autoTSSkey, thread);
}

#endif
