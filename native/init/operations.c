#include "init.h"

int operation_run(struct context *context, const struct operation *operation)
{
#define OP(name, members)                                                                          \
    [PLAN_##name] = (int (*)(struct context *, const void *))(void (*)(void))run_##name,
    static int (*const functions[])(struct context *, const void *) = {
#include "plan.def"
    };
#undef OP
    return functions[operation->code](context, operation->cells);
}
