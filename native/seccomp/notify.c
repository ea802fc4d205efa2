/* The calls of a filter that returns SECCOMP_RET_USER_NOTIF (seccomp_unotify(2)). */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "seccomp/calls.h"

/* Copies a struct seccomp_notif to the buffer; returns its length. -ENOENT: the process that made the
 * call has ended meanwhile. */
long long hutch_seccomp_receive(int listener, unsigned char *buffer, size_t size)
{
    struct seccomp_notif call;
    if (size < sizeof(call))
        return -ERANGE;
    memset(&call, 0, sizeof(call)); /* the kernel refuses another content (EINVAL) */
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
        return -errno;
    memcpy(buffer, &call, sizeof(call));
    return sizeof(call);
}

/* Lets the call run if `error` is 0; else it fails with this errno. -ENOENT: the process does not wait
 * any more. */
long long hutch_seccomp_answer(int listener, unsigned long long id, int error)
{
    struct seccomp_notif_resp answer = {
        .id = id,
        .error = -error,
        .flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE,
    };
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0 ? -errno : 0;
}

/* 0 if the process still waits for the answer: then what was read about its pid is its own. */
long long hutch_seccomp_waits(int listener, unsigned long long id)
{
    __u64 number = id;
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &number) < 0 ? -errno : 0;
}
