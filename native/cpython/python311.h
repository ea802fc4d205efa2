/* CPython 3.11. */
#ifndef HUTCH_PYTHON311_H
#define HUTCH_PYTHON311_H

IS_FIELD(_PyRuntimeState, gilstate.autoTSSkey, Py_tss_t);

/* What is not part of the core's initialisation, but must not be missing. */
static inline PyStatus complete_core(PyInterpreterState *interpreter)
{
    (void)interpreter;
    return PyStatus_Ok();
}

/* The library's own frozen modules are static data. They are not linked. */
#define NO_DEEP_FROZEN_MODULES                                                                     \
    int _Py_Deepfreeze_Init(void)                                                                  \
    {                                                                                              \
        return 0;                                                                                  \
    }                                                                                              \
    void _Py_Deepfreeze_Fini(void)                                                                 \
    {                                                                                              \
    }

/* Two builds make the same snapshot. */
static inline void leave_this_thread(PyThreadState *thread)
{
    (void)thread;
}

/* What the interpreter has of the thread that made the snapshot becomes this one's. After fork(2)
 * much the same is necessary. Returns 0, or another number after an error. */
static inline int become_this_thread(PyThreadState *thread)
{
    thread->thread_id = PyThread_get_thread_ident();
    PyOS_AfterFork_Child();
    return PyThread_tss_set(&_PyRuntime.gilstate.autoTSSkey, thread);
}

#endif
