/* Sends signals by pidfd, and reads or changes attributes of this process. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/calls.h"

long long hutch_signal_pidfd(int pidfd, int signal)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

static _Thread_local sigset_t blocked_before;

/* Blocks every signal that can be blocked and returns a descriptor to read them from: no signal
 * then interrupts the Python code (S-82). */
long long hutch_signal_descriptor(void)
{
    sigset_t all;
    sigfillset(&all);
    if (sigprocmask(SIG_BLOCK, &all, &blocked_before) < 0)
        return -errno;
    int fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* Blocks only the signals that were blocked before this thread called hutch_signal_descriptor. */
long long hutch_unblock_signals(void)
{
    return sigprocmask(SIG_SETMASK, &blocked_before, NULL) < 0 ? -errno : 0;
}

/* The capability bounding set of this process, one bit for each capability (capabilities(7)). */
long long hutch_bounding_set(void)
{
    long long set = 0;
    for (int capability = 0; capability < 63; capability++) {
        int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        if (held < 0)
            break;
        set |= (long long)held << capability;
    }
    return set;
}

/* Orphaned descendants become children of this process. */
long long hutch_become_subreaper(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

long long hutch_set_namespace(int namespace, int flags)
{
    return setns(namespace, flags) < 0 ? -errno : 0;
}

long long hutch_unshare(long long flags)
{
    return unshare((int)flags) < 0 ? -errno : 0;
}
