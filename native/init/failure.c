/* What failed, noted for the sentence that Python makes of it, and the end of this process. */
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

/* exit_group and exit may be forbidden like everything else, and would only return then. What no
 * filter forbids is to fail; the kernel ends even the first process of a namespace for that. */
void end(int code)
{
    syscall(SYS_exit_group, code);
    syscall(SYS_exit, code);
    __builtin_trap();
}
