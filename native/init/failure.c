/* Stores what failed, for the error message that Python makes; and ends this process. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

int refused(struct context *context, const char *call, int error, const char *detail)
{
    struct failure *failure = &context->failure;
    failure->error = error;
    strncpy(failure->call, call, sizeof(failure->call) - 1);
    if (detail)
        strncpy(failure->detail, detail, sizeof(failure->detail) - 1);
    return -error;
}

int failed(struct context *context, const char *call)
{
    return refused(context, call, errno, NULL);
}

/* A seccomp filter may forbid exit_group and exit, so that they return. No filter can forbid a CPU
 * exception: the kernel ends even the first process of a pid namespace by it. */
void end(int code)
{
    syscall(SYS_exit_group, code);
    syscall(SYS_exit, code);
    __builtin_trap();
}
