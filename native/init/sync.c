/* The messages of hutch-init to the runtime, and the answers of one byte that it waits for. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "init.h"

static int write_message(struct context *context, const void *data, size_t length)
{
    /* If the runtime is gone, SIGPIPE ends this process, as the error would. */
    return write(context->sync, data, length) < 0 ? failed(context, "write") : 0;
}

static int send_message(struct context *context, const void *data, size_t length, int fd)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    memset(&control, 0, sizeof(control));
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.space),
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
    if (sendmsg(context->sync, &message, MSG_NOSIGNAL) < 0)
        return failed(context, "sendmsg");
    return 0;
}

int tell_at(struct context *context, uint32_t barrier)
{
    uint32_t message[2] = {MESSAGE_AT, barrier};
    return write_message(context, message, sizeof(message));
}

int tell_fd(struct context *context, int fd)
{
    uint32_t message[2] = {MESSAGE_FD, context->failure.index};
    return send_message(context, message, sizeof(message), fd);
}

int tell_pid(struct context *context, pid_t pid, int pidfd)
{
    uint32_t message[2] = {MESSAGE_PID, (uint32_t)pid};
    return send_message(context, message, sizeof(message), pidfd);
}

void tell_failure(struct context *context)
{
    context->failure.message = MESSAGE_FAIL;
    (void)write_message(context, &context->failure, sizeof(context->failure));
}

/* The answer, or -errno. */
static int read_answer(struct context *context, int from)
{
    unsigned char answer;
    ssize_t got;
    do
        got = read(from, &answer, 1);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return failed(context, "read");
    /* End of file: the runtime is gone, so nobody will start this container. */
    return got == 0 ? refused(context, "read", ECONNRESET, NULL) : answer;
}

void tell_warning(struct context *context, const char *detail)
{
    struct failure warning = {
        .message = MESSAGE_WARN,
        .index = context->failure.index,
        .part = -1,
    };
    strncpy(warning.detail, detail, sizeof(warning.detail) - 1);
    (void)write_message(context, &warning, sizeof(warning));
}

int ask_source(struct context *context)
{
    uint32_t message[2] = {MESSAGE_ASK, context->failure.index};
    int result = write_message(context, message, sizeof(message));
    if (result < 0)
        return result;
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char answer;
    struct iovec part = {.iov_base = &answer, .iov_len = 1};
    struct msghdr header = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.space),
    };
    ssize_t got;
    do
        got = recvmsg(context->sync, &header, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    struct cmsghdr *beside = got > 0 ? CMSG_FIRSTHDR(&header) : NULL;
    if (!beside || beside->cmsg_level != SOL_SOCKET || beside->cmsg_type != SCM_RIGHTS)
        return -EACCES;
    int fd;
    memcpy(&fd, CMSG_DATA(beside), sizeof(fd));
    return fd;
}

int await_answer(struct context *context)
{
    int answer = read_answer(context, context->sync);
    return answer < 0 ? answer : 0;
}

/* The descriptor is not sent at once, because that needs sendmsg: the filter that was just loaded
 * may forbid this call. */
int tell_listener(struct context *context, int fd)
{
    uint32_t message[2] = {MESSAGE_LISTENER, (uint32_t)fd};
    int result = write_message(context, message, sizeof(message));
    if (result < 0)
        return result;
    result = read_answer(context, context->sync);
    return result == ANSWER_SEND ? tell_fd(context, fd) : result;
}

/* `start` writes a byte to the first fifo. It reads the result from the second one: a failure, or
 * end of file, because the exec closes the fifo. This process holds both ends of each fifo open, so
 * that there is no end of file before the exec. */
int run_await_start(struct context *context, const struct op_await_start *op)
{
    int answer = read_answer(context, context->base + (int)op->slot);
    context->sync = context->base + (int)op->reply;
    context->started = true;
    return answer < 0 ? answer : 0;
}

int run_barrier(struct context *context, const struct op_barrier *op)
{
    int result = tell_at(context, (uint32_t)op->which);
    return result < 0 ? result : await_answer(context);
}
