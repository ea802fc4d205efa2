/* When each operation begins and ends, for --trace. */
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void note_time(struct context *context, size_t place)
{
    if (place / 2 < context->timed)
        context->times[place] = now();
}

/* Maps memory that is shared with the runtime; the exec removes the mapping. */
int run_trace(struct context *context, const struct op_trace *op)
{
    int fd = context->base + (int)op->slot;
    struct stat status;
    if (fstat(fd, &status) < 0)
        return failed(context, "fstat");
    void *memory = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return failed(context, "mmap");
    close(fd);
    context->times = memory;
    context->timed = (size_t)status.st_size / (2 * sizeof(uint64_t));
    return 0;
}
