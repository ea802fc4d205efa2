/* Namespaces, and the settings that belong to them. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

#define CLONE_PIDFD_ 0x00001000ull
#define CLONE_PARENT_ 0x00008000ull
#define KEYCTL_JOIN_SESSION_KEYRING_ 1

struct clone3_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
};

int run_join(struct context *context, const struct op_join *op)
{
    int fd = context->base + (int)op->slot;
    if (setns(fd, (int)op->flags) < 0)
        return failed(context, "setns");
    close(fd);
    return 0;
}

/* A thread that moves itself does not wait for an RCU grace period, as a thread moved by another
 * process does (Linux 5.6). This operation comes late in the plan, so that the memory needed for
 * the setup does not count against the container's memory limit. */
int run_enter_cgroups(struct context *context, const struct op_enter_cgroups *op)
{
    for (int64_t i = 0; i < op->tasks; i++) {
        int fd = context->base + (int)(op->slot + i);
        context->failure.part = (int)i;
        if (write(fd, "0", 1) < 0)
            return failed(context, "write");
        close(fd);
    }
    context->failure.part = -1;
    return 0;
}

int run_unshare(struct context *context, const struct op_unshare *op)
{
    return unshare((int)op->flags) < 0 ? failed(context, "unshare") : 0;
}

/* A joined pid namespace holds only for children (setns(2)), and some namespaces must be made after
 * others were joined: so a new process goes on with the plan. CLONE_PARENT makes it a child of the
 * runtime, so that the runtime can wait for it. */
int run_clone(struct context *context, const struct op_clone *op)
{
    int pidfd = -1;
    struct clone3_arguments arguments = {
        .flags = (uint64_t)op->flags | CLONE_PARENT_ | CLONE_PIDFD_,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
    };
    long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
    if (pid < 0)
        return failed(context, "clone3");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* The runtime answers when it has the pidfd of this process. */
        return await_answer(context);
    }
    int result = tell_pid(context, (pid_t)pid, pidfd);
    if (result < 0)
        kill((pid_t)pid, SIGKILL);
    end(result < 0);
}

static void end_after_signal(int signal)
{
    end(128 + signal);
}

/* The first process of a pid namespace gets only signals that it has a handler for, and SIGKILL
 * (pid_namespaces(7)). So it needs handlers for the signals that end other processes. */
static void handle_signals(void)
{
    static const int terminating[] = {SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGTERM};
    for (size_t i = 0; i < sizeof(terminating) / sizeof(*terminating); i++)
        signal(terminating[i], end_after_signal);
}

static void close_and_forget(int *fd)
{
    autoclose_fd(fd);
    *fd = -1;
}

/* From here on the death of the runtime does not end this process at once, but at the next barrier,
 * where it finds the sync socket closed. It may then wait long for `start`: so it closes what the
 * rest of the plan does not need, and handles signals, so that it can be ended like any other
 * process. This is done before the seccomp filter is loaded, which may forbid it; the exec removes
 * the handlers. */
int run_outlive(struct context *context, const struct op_outlive *op)
{
    (void)op;
    handle_signals();
    close_and_forget(&context->root);
    close_and_forget(&context->null);
    close_and_forget(&context->masked);
    close_and_forget(&context->proc);
    return prctl(PR_SET_PDEATHSIG, 0) < 0 ? failed(context, "prctl(PR_SET_PDEATHSIG)") : 0;
}

int run_protect(struct context *context, const struct op_protect *op)
{
    (void)op;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? failed(context, "prctl(PR_SET_DUMPABLE)") : 0;
}

int run_session(struct context *context, const struct op_session *op)
{
    (void)op;
    /* EPERM: this process leads a session or process group already, as the first process of a pid
     * namespace may. */
    if (setsid() < 0 && errno != EPERM)
        return failed(context, "setsid");
    return 0;
}

int run_keyring(struct context *context, const struct op_keyring *op)
{
    /* ENOSYS: the kernel has no keyrings, so there is none to share with the caller. */
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING_, op->description) < 0 && errno != ENOSYS)
        return failed(context, "keyctl(KEYCTL_JOIN_SESSION_KEYRING)");
    return 0;
}

int run_loopback(struct context *context, const struct op_loopback *op)
{
    (void)op;
    autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return failed(context, "socket");
    struct ifreq request = {.ifr_name = "lo"};
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return failed(context, "ioctl(SIOCGIFFLAGS)");
    request.ifr_flags |= IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return failed(context, "ioctl(SIOCSIFFLAGS)");
    return 0;
}

int run_hostname(struct context *context, const struct op_hostname *op)
{
    return sethostname(op->value, strlen(op->value)) < 0 ? failed(context, "sethostname") : 0;
}

int run_domainname(struct context *context, const struct op_domainname *op)
{
    if (syscall(SYS_setdomainname, op->value, strlen(op->value)) < 0)
        return failed(context, "setdomainname");
    return 0;
}
