/* CPU affinity, scheduler, IO priority, memory policy and personality. The user's program and its
 * children inherit all of them. */
#include <errno.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

#define CPUS_MAX 8192  /* NR_CPUS of the largest kernels */
#define NODES_MAX 1024 /* MAX_NUMNODES of the largest kernels */
#define IOPRIO_WHO_PGRP_ 2

/* struct sched_attr of Linux 5.3 (SCHED_ATTR_SIZE_VER1). */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};

/* Without CPUs in the config, all bits are set: the kernel then uses all CPUs of the cpuset. Else
 * the container would inherit the affinity of the caller (taskset(1)): since Linux 6.2 a process
 * keeps it even when it enters a cpuset. */
int run_affinity(struct context *context, const struct op_affinity *op)
{
    unsigned char cpus[CPUS_MAX / 8];
    memset(cpus, op->cpus.length ? 0 : 0xff, sizeof(cpus));
    if (op->cpus.length > sizeof(cpus))
        return refused(context, "sched_setaffinity", EINVAL, NULL);
    memcpy(cpus, op->cpus.data, op->cpus.length);
    if (syscall(SYS_sched_setaffinity, 0, sizeof(cpus), cpus) < 0)
        return failed(context, "sched_setaffinity");
    return 0;
}

int run_scheduler(struct context *context, const struct op_scheduler *op)
{
    struct attributes attributes = {
        .size = sizeof(attributes),
        .policy = (uint32_t)op->policy,
        .flags = (uint64_t)op->flags,
        .nice = (int32_t)op->nice,
        .priority = (uint32_t)op->priority,
        .runtime = (uint64_t)op->runtime,
        .deadline = (uint64_t)op->deadline,
        .period = (uint64_t)op->period,
    };
    if (syscall(SYS_sched_setattr, 0, &attributes, 0) < 0)
        return failed(context, "sched_setattr");
    return 0;
}

int run_io_priority(struct context *context, const struct op_io_priority *op)
{
    if (syscall(SYS_ioprio_set, IOPRIO_WHO_PGRP_, 0, (int)op->priority) < 0)
        return failed(context, "ioprio_set");
    return 0;
}

/* set_mempolicy(2) reads one bit fewer than `maxnode` says, so one more is given. */
int run_memory_policy(struct context *context, const struct op_memory_policy *op)
{
    unsigned long nodes[NODES_MAX / (8 * sizeof(unsigned long))] = {0};
    if (op->nodes.length > sizeof(nodes))
        return refused(context, "set_mempolicy", EINVAL, NULL);
    memcpy(nodes, op->nodes.data, op->nodes.length);
    bool none = op->nodes.length == 0;
    long bits = none ? 0 : NODES_MAX + 1;
    if (syscall(SYS_set_mempolicy, (int)op->mode, none ? NULL : nodes, bits) < 0)
        return failed(context, "set_mempolicy");
    return 0;
}

int run_personality(struct context *context, const struct op_personality *op)
{
    return personality((unsigned long)op->persona) < 0 ? failed(context, "personality") : 0;
}
