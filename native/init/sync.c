/* What hutch-init says to the runtime, and the one byte it waits for. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "init.h"

static int send_message(struct context *context, const void *data, size_t length, const int *fd)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    memset(&control, 0, sizeof(control));
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control.space);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), fd, sizeof(int));
    }
    if (sendmsg(context->sync, &message, MSG_NOSIGNAL) < 0)
        return failed(context, "sendmsg");
    return 0;
}

int tell_at(struct context *context, uint32_t barrier)
{
    uint32_t message[2] = {MESSAGE_AT, barrier};
    return send_message(context, message, sizeof(message), NULL);
}

int tell_fd(struct context *context, int fd)
{
    uint32_t message[2] = {MESSAGE_FD, context->failure.index};
    return send_message(context, message, sizeof(message), &fd);
}

int tell_pid(struct context *context, pid_t pid, int pidfd)
{
    uint32_t message[2] = {MESSAGE_PID, (uint32_t)pid};
    return send_message(context, message, sizeof(message), &pidfd);
}

void tell_failure(struct context *context)
{
    context->failure.message = MESSAGE_FAIL;
    (void)send_message(context, &context->failure, sizeof(context->failure), NULL);
}

int await_answer(struct context *context)
{
    char answer;
    ssize_t got;
    do
        got = recv(context->sync, &answer, 1, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return failed(context, "recv");
    /* The runtime is gone: nobody will ever start this container. */
    return got == 0 ? refused(context, "recv", ECONNRESET, NULL) : 0;
}
