/* Loads the device program of a cgroup v2 and attaches it in place of the program before.
 *
 * A device is allowed only if all programs attached to a cgroup and to those above it allow it
 * (BPF_F_ALLOW_MULTI). An update attaches the new program before it detaches the old one. In
 * between both programs apply, so that at no time a device is allowed that one of them forbids.
 * This works since Linux 4.15; BPF_F_REPLACE would need 5.6. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/calls.h"

#define NAME "hutch_devices" /* by this name our programs differ from others, such as systemd's */
#define PROGRAMS_MAX 64      /* the kernel's limit for one cgroup (BPF_CGROUP_MAX_PROGS) */

static int bpf(int command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define AUTO_CLOSE __attribute__((cleanup(close_fd)))

static int load(const unsigned char *program, size_t length, char *log, size_t log_size)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.expected_attach_type = BPF_CGROUP_DEVICE;
    attr.insns = (uintptr_t)program;
    attr.insn_cnt = (uint32_t)(length / sizeof(struct bpf_insn));
    attr.license = (uintptr_t) "";
    memcpy(attr.prog_name, NAME, sizeof(NAME));
    if (log_size) {
        attr.log_buf = (uintptr_t)log;
        attr.log_size = (uint32_t)log_size;
        attr.log_level = 1;
    }
    return bpf(BPF_PROG_LOAD, &attr);
}

/* Before Linux 5.11 all programs of a user together counted against RLIMIT_MEMLOCK, 64 KiB by
 * default. */
static int load_unlimited(const unsigned char *program, size_t length)
{
    int fd = load(program, length, NULL, 0);
    struct rlimit before, more = {RLIM_INFINITY, RLIM_INFINITY};
    if (fd >= 0 || errno != EPERM || getrlimit(RLIMIT_MEMLOCK, &before) < 0)
        return fd;
    if (setrlimit(RLIMIT_MEMLOCK, &more) < 0) {
        errno = EPERM;
        return -1;
    }
    fd = load(program, length, NULL, 0);
    int error = errno;
    setrlimit(RLIMIT_MEMLOCK, &before);
    errno = error;
    return fd;
}

/* Writes the verifier's messages about a program to the descriptor `log`. */
static void explain(const unsigned char *program, size_t length, int log)
{
    static char text[64 * 1024];
    AUTO_CLOSE int fd = load(program, length, text, sizeof(text));
    if (write(log, text, strnlen(text, sizeof(text))) < 0)
        return; /* the caller reports the first error in any case */
}

static int is_ours(int fd)
{
    struct bpf_prog_info info;
    union bpf_attr attr;
    memset(&info, 0, sizeof(info));
    memset(&attr, 0, sizeof(attr));
    attr.info.bpf_fd = (uint32_t)fd;
    attr.info.info_len = sizeof(info);
    attr.info.info = (uintptr_t)&info;
    return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && strcmp(info.name, NAME) == 0;
}

static int detach_ours(int cgroup, const uint32_t *ids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        union bpf_attr attr;
        memset(&attr, 0, sizeof(attr));
        attr.prog_id = ids[i];
        AUTO_CLOSE int fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
        if (fd < 0 && errno == ENOENT)
            continue; /* it has been detached by now */
        if (fd < 0)
            return -errno;
        if (!is_ours(fd))
            continue;
        memset(&attr, 0, sizeof(attr));
        attr.target_fd = (uint32_t)cgroup;
        attr.attach_bpf_fd = (uint32_t)fd;
        attr.attach_type = BPF_CGROUP_DEVICE;
        if (bpf(BPF_PROG_DETACH, &attr) < 0 && errno != ENOENT)
            return -errno;
    }
    return 0;
}

long long hutch_attach_devices(int cgroup, const unsigned char *program, size_t length, int log)
{
    uint32_t before[PROGRAMS_MAX];
    union bpf_attr query;
    memset(&query, 0, sizeof(query));
    query.query.target_fd = (uint32_t)cgroup;
    query.query.attach_type = BPF_CGROUP_DEVICE;
    query.query.prog_ids = (uintptr_t)before;
    query.query.prog_cnt = PROGRAMS_MAX;
    if (bpf(BPF_PROG_QUERY, &query) < 0)
        return -errno;
    if (length) {
        AUTO_CLOSE int fd = load_unlimited(program, length);
        if (fd < 0) {
            int error = errno;
            if (log >= 0)
                explain(program, length, log);
            return -error;
        }
        union bpf_attr attr;
        memset(&attr, 0, sizeof(attr));
        attr.target_fd = (uint32_t)cgroup;
        attr.attach_bpf_fd = (uint32_t)fd;
        attr.attach_type = BPF_CGROUP_DEVICE;
        attr.attach_flags = BPF_F_ALLOW_MULTI;
        if (bpf(BPF_PROG_ATTACH, &attr) < 0)
            return -errno;
    }
    return detach_ours(cgroup, before, query.query.prog_cnt);
}
