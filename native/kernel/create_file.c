#define _GNU_SOURCE
#include "kernel/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Writes the content of the open file and sets its attributes; 0 or -errno. Owner before mode:
 * chown(2) clears the set-user-ID bit. */
static long long fill_file(int fd, const unsigned char *data, size_t length, long long mode,
                           long long uid, long long gid, long long seconds, long long nanoseconds)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        data += written;
        length -= (size_t)written;
    }
    if (uid >= 0 && fchown(fd, (uid_t)uid, (gid_t)gid) < 0)
        return -errno;
    if (mode >= 0 && fchmod(fd, (mode_t)mode) < 0)
        return -errno;
    struct timespec times[2] = {
        {.tv_sec = seconds, .tv_nsec = nanoseconds},
        {.tv_sec = seconds, .tv_nsec = nanoseconds},
    };
    return futimens(fd, times) < 0 ? -errno : 0;
}

/* Makes one small file of a layer in one call. A layer has ten thousands of them, and each system
 * call from Python releases the interpreter's lock and waits until it has the lock again. */
long long hutch_create_file(int directory, const char *name, const unsigned char *data,
                            size_t length, long long made_as, long long mode, long long uid,
                            long long gid, long long seconds, long long nanoseconds)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    (mode_t)made_as);
    if (fd < 0)
        return -errno;
    long long result = fill_file(fd, data, length, mode, uid, gid, seconds, nanoseconds);
    if (close(fd) < 0 && result == 0)
        result = -errno;
    if (result < 0)
        unlinkat(directory, name, 0);
    return result;
}
