/* Asks the running kernel which actions and flags of seccomp(2) it supports. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seccomp/calls.h"

long long hutch_seccomp_action_known(unsigned int action)
{
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0 ? -errno : 0;
}

/* The kernel checks the flags (EINVAL) before it reads the program. The program is NULL (EFAULT), so
 * no filter is loaded. */
long long hutch_seccomp_flags_known(unsigned int flags)
{
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) == 0)
        return -EINVAL;
    return errno == EFAULT ? 0 : -errno;
}
