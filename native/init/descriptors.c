/* Closes descriptors: at the end of their scope, and before the user's program is executed. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

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
    /* Before Linux 5.11 there is no CLOSE_RANGE_CLOEXEC: each descriptor up to the limit is set. */
    int last = (int)sysconf(_SC_OPEN_MAX);
    for (int fd = first; fd < last; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}
