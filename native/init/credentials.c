/* The credentials of the process: ids, groups, limits, capabilities, seccomp (credentials(7)). */
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

int run_become_root(struct context *context, const struct op_become_root *op)
{
    (void)op;
    if (syscall(SYS_setresgid, 0, 0, 0) < 0)
        return failed(context, "setresgid");
    if (syscall(SYS_setresuid, 0, 0, 0) < 0)
        return failed(context, "setresuid");
    /* A change of ids clears the parent-death signal (prctl(2)), so it is set again. */
    prctl(PR_SET_PDEATHSIG, 9);
    /* The ambient capabilities were needed for the exec of hutch-init (kernel/spawn.c); as root the
     * process has all capabilities without them. */
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return 0;
}

int run_rlimit(struct context *context, const struct op_rlimit *op)
{
    struct {
        uint64_t soft, hard;
    } limit = {(uint64_t)op->soft, (uint64_t)op->hard};
    if (syscall(SYS_prlimit64, 0, (int)op->resource, &limit, NULL) < 0)
        return failed(context, "prlimit64");
    return 0;
}

int run_umask(struct context *context, const struct op_umask *op)
{
    (void)umask(op->mask < 0 ? context->umask : (mode_t)op->mask);
    return 0;
}

int run_bounding(struct context *context, const struct op_bounding *op)
{
    for (int capability = 0; capability < 64; capability++) {
        int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        if (held < 0)
            break; /* the kernel does not know a capability of this number */
        if (held && !((uint64_t)op->capabilities >> capability & 1) &&
            prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
            return failed(context, "prctl(PR_CAPBSET_DROP)");
    }
    return 0;
}

static int set_groups(struct context *context, const struct list *list)
{
    char **texts = list_vector(list);
    gid_t *groups = keep((list->count + 1) * sizeof(*groups));
    if (!texts || !groups)
        return failed(context, "mmap");
    for (size_t i = 0; i < list->count; i++) {
        uint64_t group;
        if (!number(texts[i], &group))
            return refused(context, "plan", EBADMSG, texts[i]);
        groups[i] = (gid_t)group;
    }
    return syscall(SYS_setgroups, list->count, groups) < 0 ? failed(context, "setgroups") : 0;
}

int run_user(struct context *context, const struct op_user *op)
{
    if (!op->keep_groups) {
        int result = set_groups(context, &op->groups);
        if (result < 0)
            return result;
    }
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return failed(context, "prctl(PR_SET_KEEPCAPS)");
    if (syscall(SYS_setresgid, (gid_t)op->gid, (gid_t)op->gid, (gid_t)op->gid) < 0)
        return failed(context, "setresgid");
    if (syscall(SYS_setresuid, (uid_t)op->uid, (uid_t)op->uid, (uid_t)op->uid) < 0)
        return failed(context, "setresuid");
    if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
        return failed(context, "prctl(PR_SET_KEEPCAPS)");
    return 0;
}

static int set_capabilities(struct context *context, int64_t effective, int64_t permitted,
                            int64_t inheritable)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    for (int i = 0; i < 2; i++) {
        sets[i].effective = (uint32_t)((uint64_t)effective >> (32 * i));
        sets[i].permitted = (uint32_t)((uint64_t)permitted >> (32 * i));
        sets[i].inheritable = (uint32_t)((uint64_t)inheritable >> (32 * i));
    }
    return syscall(SYS_capset, &header, sets) < 0 ? failed(context, "capset") : 0;
}

int run_capabilities(struct context *context, const struct op_capabilities *op)
{
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return failed(context, "prctl(PR_CAP_AMBIENT)");
    int result = set_capabilities(context, op->effective, op->permitted, op->inheritable);
    if (result < 0)
        return result;
    for (int capability = 0; capability < 64; capability++)
        if (((uint64_t)op->ambient >> capability & 1) &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
            return failed(context, "prctl(PR_CAP_AMBIENT_RAISE)");
    return 0;
}

/* Without no_new_privs, loading a filter needs CAP_SYS_ADMIN (seccomp(2)), so this capability is
 * dropped after that. The ambient set does not change: it is a subset of the permitted and the
 * inheritable set. */
int run_drop(struct context *context, const struct op_drop *op)
{
    return set_capabilities(context, op->effective, op->permitted, op->inheritable);
}

int run_no_new_privileges(struct context *context, const struct op_no_new_privileges *op)
{
    (void)op;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return failed(context, "prctl(PR_SET_NO_NEW_PRIVS)");
    return 0;
}

int run_seccomp(struct context *context, const struct op_seccomp *op)
{
    struct sock_fprog program = {
        .len = (unsigned short)(op->filter.length / sizeof(struct sock_filter)),
        .filter = (struct sock_filter *)(uintptr_t)op->filter.data,
    };
    /* Done here because the filter may kill a process that calls close_range later. */
    close_on_exec(context->base);
    context->filtered = true;
    autoclose int listener =
        (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned)op->flags, &program);
    if (listener < 0)
        return failed(context, "seccomp");
    if (!op->notify) {
        listener = -1;
        return 0;
    }
    return tell_listener(context, listener);
}
