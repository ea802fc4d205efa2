#define _GNU_SOURCE
#include "kernel/calls.h"

#include <errno.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Opens `path` by openat2(2) (Linux 5.6). The kernel returns EAGAIN if a rename or mount happened
 * at the same time and it cannot be sure that ".." stayed inside. The manual says to try again; the
 * number of tries is limited, so that an attacker who renames all the time cannot stop us. */
long long hutch_openat2(int dirfd, const char *path, unsigned long long flags,
                        unsigned long long mode, unsigned long long resolve)
{
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    for (int tries = 0;; tries++) {
        long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
        if (fd >= 0)
            return fd;
        if ((errno != EAGAIN && errno != EINTR) || tries >= 128)
            return -errno;
    }
}
