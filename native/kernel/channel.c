/* The unix sockets between the runtime and hutch-init. With SOCK_SEQPACKET each message arrives
 * whole, and a process sees when the other side has closed its socket. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "kernel/calls.h"

long long hutch_channel(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    /* Receiving fails with EAGAIN after a second, so that a long wait can be given a name. */
    struct timeval second = {.tv_sec = 1};
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
    return (long long)ends[0] << 32 | ends[1];
}

long long hutch_receive(int channel, unsigned char *message, size_t size)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = message, .iov_len = size};
    struct msghdr header = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.space),
    };
    int fd = -1;
    ssize_t length = recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
    if (length < 0)
        return -errno;
    struct cmsghdr *beside = CMSG_FIRSTHDR(&header);
    if (beside && beside->cmsg_level == SOL_SOCKET && beside->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(beside), sizeof(fd));
    return (long long)(fd + 1) << 32 | length;
}

long long hutch_answer(int channel, int answer, int fd)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.space = {0}};
    unsigned char byte = (unsigned char)answer;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        header.msg_control = &control;
        header.msg_controllen = sizeof(control.space);
        struct cmsghdr *beside = CMSG_FIRSTHDR(&header);
        beside->cmsg_level = SOL_SOCKET;
        beside->cmsg_type = SCM_RIGHTS;
        beside->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(beside), &fd, sizeof(fd));
    }
    return sendmsg(channel, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

long long hutch_fetch(int pidfd, int fd)
{
    long long fetched = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    return fetched < 0 ? -errno : fetched;
}
