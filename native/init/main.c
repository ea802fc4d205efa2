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

/* Calls the operation's function. */
static int run(struct context *context, const struct operation *operation)
{
#define OP(name, members)                                                                          \
    [PLAN_##name] = (int (*)(struct context *, const void *))(void (*)(void))run_##name,
    static int (*const functions[])(struct context *, const void *) = {
#include "plan.def"
    };
#undef OP
    return functions[operation->code](context, operation->cells);
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
        result = run(context, &operation);
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
