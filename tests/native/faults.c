/* A hutch-init for tests in which something goes wrong at one operation of the plan. It is linked
 * with -Wl,--wrap=operation_run, so that nothing of this is in hutch-init itself.
 *
 * FAULTS names a directory with a file "order", "KIND INDEX": at that operation it
 *   f  fails, as if the kernel had refused it
 *   i  ends without a word
 *   r  writes its index to the fifo "at" and waits for the end of the fifo "go": time to kill the
 *      runtime
 * and puts an x before the order, for the test to see that it came to that. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "init.h"

int __real_operation_run(struct context *context, const struct operation *operation);
int __wrap_operation_run(struct context *context, const struct operation *operation);

static char kind;
static unsigned long wanted;
static int order = -1, at = -1, go = -1;

/* Before the first operation: after others these files may be out of reach. */
static void read_order(void)
{
    char text[32] = "";
    order = open(FAULTS "/order", O_RDWR | O_CLOEXEC);
    if (order < 0 || pread(order, text, sizeof(text) - 1, 0) < 3)
        return;
    kind = text[0];
    wanted = strtoul(text + 2, NULL, 10);
    if (kind == 'r') {
        at = open(FAULTS "/at", O_WRONLY | O_CLOEXEC);
        go = open(FAULTS "/go", O_RDONLY | O_CLOEXEC);
    }
}

int __wrap_operation_run(struct context *context, const struct operation *operation)
{
    if (order < 0)
        read_order();
    if (kind && context->failure.index == wanted) {
        char byte = 'x';
        (void)!pwrite(order, &byte, 1, 0);
        switch (kind) {
        case 'f': return refused(context, "fault", EIO, NULL);
        case 'i':
            prctl(PR_SET_DUMPABLE, 0);
            /* The first process of a pid namespace cannot kill itself by a signal that it sends. */
            __builtin_trap();
        case 'r': (void)!write(at, &byte, 1); (void)!read(go, &byte, 1);
        }
    }
    return __real_operation_run(context, operation);
}
