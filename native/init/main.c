#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <signal.h>
#include <unistd.h>

#include "init.h"

#define BASE_MAX (1 << 20)

/* The plan is copied into memory of our own, so that it cannot change after it was checked. */
static int read_plan(struct context *context, struct plan *plan)
{
    struct stat status;
    if (fstat(context->base, &status) < 0)
        return failed(context, "fstat");
    if (status.st_size <= 0 || status.st_size > PLAN_MAX)
        return refused(context, "plan", EBADMSG, NULL);
    size_t length = (size_t)status.st_size;
    unsigned char *data = keep(length);
    if (!data)
        return failed(context, "mmap");
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(context->base, data + done, length - done, (off_t)done);
        if (got < 0)
            return failed(context, "pread");
        if (got == 0)
            return refused(context, "plan", EBADMSG, NULL);
        done += (size_t)got;
    }
    close(context->base);
    if (plan_open(plan, data, length) < 0)
        return refused(context, "plan", EBADMSG, NULL);
    return 0;
}

static int carry_out(struct context *context)
{
    struct plan plan;
    int result = read_plan(context, &plan);
    if (result < 0)
        return result;
    struct operation operation;
    for (uint32_t index = 0; plan_next(&plan, &operation) > 0; index++) {
        context->failure.index = index;
        note_time(context, 2 * (size_t)index);
        result = operation_run(context, &operation);
        note_time(context, 2 * (size_t)index + 1);
        if (result < 0)
            return result;
    }
    return refused(context, "plan", ENOEXEC, NULL);
}

int main(int argc, char **argv)
{
    struct context context = {
        .root = -1,
        .proc = -1,
        .null = -1,
        .masked = -1,
        .failure = {.part = -1},
    };
    uint64_t base;
    if (argc != 2 || !number(argv[1], &base) || base < 3 || base > BASE_MAX)
        return 2;
    context.base = (int)base;
    context.sync = context.base + 1;
    /* After execveat of a descriptor the kernel names the process after that descriptor: by its
     * number, or "memfd:hutch-ini". */
    prctl(PR_SET_NAME, "hutch-init");
    /* If the runtime dies, the kernel kills the unfinished container. run_outlive clears this. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_on_exec(context.base);
    /* The file modes in the plan are exact: no umask may change them. */
    context.umask = umask(0);
    if (carry_out(&context) < 0)
        tell_failure(&context);
    end(1);
}
