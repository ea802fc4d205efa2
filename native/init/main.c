#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

#define BASE_MAX (1 << 20)
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

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

void autoclose_fd(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
}

void close_on_exec(int first)
{
    if (syscall(SYS_close_range, (unsigned)first, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
        return;
    /* Before Linux 5.11 one by one; there are none above the limit. */
    int last = (int)sysconf(_SC_OPEN_MAX);
    for (int fd = first; fd < last; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* exit_group and exit may be forbidden like everything else, and would only return then. What no
 * filter forbids is to fail; the kernel ends even the first process of a namespace for that. */
void end(int code)
{
    syscall(SYS_exit_group, code);
    syscall(SYS_exit, code);
    __builtin_trap();
}

int run_barrier(struct context *context, const struct op_barrier *op)
{
    int result = tell_at(context, (uint32_t)op->which);
    return result < 0 ? result : await_answer(context);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void note_time(struct context *context, size_t place)
{
    if (place / 2 < context->timed)
        context->times[place] = now();
}

/* The memory is the runtime's: a mapping that ends with the exec. */
int run_trace(struct context *context, const struct op_trace *op)
{
    int fd = context->base + (int)op->slot;
    struct stat status;
    if (fstat(fd, &status) < 0)
        return failed(context, "fstat");
    void *memory =
        mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return failed(context, "mmap");
    close(fd);
    context->times = memory;
    context->timed = (size_t)status.st_size / (2 * sizeof(uint64_t));
    return 0;
}

/* The plan's descriptor is mapped privately: it cannot change under us once it is checked. */
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
    /* Executed by descriptor, it would be called after that: a number, or "memfd:hutch-ini". */
    prctl(PR_SET_NAME, "hutch-init");
    /* A runtime that dies takes the unfinished container with it; cleared before `created`. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_on_exec(context.base);
    /* Modes in the plan are exact. */
    context.umask = umask(0);
    if (carry_out(&context) < 0)
        tell_failure(&context);
    end(1);
}
