/* Resolves paths below the container's root. No other file does that.
 *
 * Every component of such a path comes from the image, and another container may change it at the
 * same time (CVE-2021-30465, CVE-2024-45310). So the kernel resolves the path in one step, by
 * openat2(2) with RESOLVE_IN_ROOT, and all later calls use the descriptor that it returns. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

#define LINKS_MAX 40  /* the kernel's own limit (path_resolution(7)) */
#define DOTS_MAX 1000 /* how often the walk may start again because of a ".." */

/* Joins the first `length` bytes of `head` and `tail` into `path`. */
static int join(char path[PATH_MAX], const char *head, size_t length, const char *tail)
{
    size_t more = strlen(tail);
    if (length + 1 + more >= PATH_MAX)
        return -ENAMETOOLONG;
    char joined[PATH_MAX];
    memcpy(joined, head, length);
    joined[length] = '/';
    memcpy(joined + length + 1, tail, more + 1);
    memcpy(path, joined, length + more + 2);
    return 0;
}

/* Starts the walk again at the root with the path `again`; `left` is how often that is allowed. */
static int restart(int root, int *at, char rest[PATH_MAX], char real[PATH_MAX], const char *again,
                   int *left)
{
    int top = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return -errno;
    close(*at);
    *at = top;
    strcpy(rest, again);
    real[0] = 0;
    return --*left < 0 ? -ELOOP : 0;
}

/* The fallback for kernels before 5.6 and for seccomp filters that forbid openat2. It opens the
 * components one by one with O_NOFOLLOW, and reads symbolic links itself. `real` is the path walked
 * so far, without links; for ".." its last component is removed. If somebody changes a component
 * during the walk, the walk can only fail or end elsewhere inside the root: each step opens one
 * plain name, and the kernel never resolves the text of a link. */
static int walk(struct context *context, const char *start, int flags, bool nofollow)
{
    char rest[PATH_MAX], real[PATH_MAX] = "", again[PATH_MAX];
    if (!*start)
        return -ENOENT;
    if (strlen(start) >= sizeof(rest))
        return -ENAMETOOLONG;
    strcpy(rest, start);
    int root = context->root, links = LINKS_MAX, dots = DOTS_MAX;
    autoclose int at = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return -errno;
    bool directory = true; /* what `at` is */
    for (char *name = rest;;) {
        /* Only a directory may be followed by a slash, "." or "..". */
        if (*name && !directory)
            return -ENOTDIR;
        name += strspn(name, "/");
        size_t length = strcspn(name, "/");
        if (length == 0)
            break;
        char part[NAME_MAX + 1];
        if (length > NAME_MAX)
            return -ENAMETOOLONG;
        memcpy(part, name, length);
        part[length] = 0;
        name += length;
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            /* Starts again at the root, as the directory may have been moved out of its parent. */
            char *last = strrchr(real, '/');
            if (last)
                *last = 0;
            int result = join(again, real, strlen(real), name);
            if (result == 0)
                result = restart(root, &at, rest, real, again, &dots);
            if (result < 0)
                return result;
            name = rest;
            continue;
        }
        int next = openat(at, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            return -errno;
        struct stat status;
        if (fstat(next, &status) < 0) {
            close(next);
            return -EIO;
        }
        if (S_ISLNK(status.st_mode) && (*name || !(flags & O_NOFOLLOW))) {
            char link[PATH_MAX];
            ssize_t size = readlinkat(next, "", link, sizeof(link) - 1);
            close(next);
            if (size < 0)
                return -errno;
            if (nofollow)
                return -ELOOP;
            if ((size_t)size + strlen(name) >= sizeof(link))
                return -ENAMETOOLONG;
            strcpy(link + size, name);
            int result = link[0] == '/' ? 0 : join(link, real, strlen(real), link);
            if (result == 0)
                result = restart(root, &at, rest, real, link, &links);
            if (result < 0)
                return result;
            directory = true;
            name = rest;
            continue;
        }
        int joined = join(real, real, strlen(real), part);
        close(at);
        at = next;
        directory = S_ISDIR(status.st_mode);
        if (joined < 0)
            return joined;
    }
    if ((flags & O_DIRECTORY) && !directory)
        return -ENOTDIR;
    int result;
    if (flags & O_PATH) {
        result = at;
        at = -1;
        return result;
    }
    /* The O_PATH descriptor is opened again with the wanted flags, through /proc/self/fd. */
    char digits[DECIMAL_MAX];
    char self[64] = "self/fd/";
    strcat(self, decimal(digits, (uint64_t)at));
    result = openat(context->proc, self, (flags & ~O_NOFOLLOW) | O_CLOEXEC);
    return result < 0 ? -errno : result;
}

int beneath_open(struct context *context, const char *path, int flags, bool nofollow)
{
    if (!context->no_openat2) {
        struct open_how how = {
            .flags = (uint64_t)(flags | O_CLOEXEC),
            .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
                       (nofollow ? (uint64_t)RESOLVE_NO_SYMLINKS : 0),
        };
        for (int attempt = 0;; attempt++) {
            int fd = (int)syscall(SYS_openat2, context->root, path, &how, sizeof(how));
            if (fd >= 0)
                return fd;
            /* EAGAIN: somebody renamed a directory while the kernel resolved a ".."
             * (openat2(2)). */
            if (errno == EAGAIN && attempt < 64)
                continue;
            if (errno != ENOSYS && errno != EPERM)
                return -errno;
            break;
        }
        context->no_openat2 = true;
    }
    return walk(context, path, flags, nofollow);
}

/* Makes the directory or file `name` in `parent`. If it exists by now, this is no error: the caller
 * opens it. */
static int make_entry(int parent, const char *name, bool directory, mode_t mode)
{
    if (directory)
        return mkdirat(parent, name, mode) < 0 && errno != EEXIST ? -errno : 0;
    int fd = openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, mode);
    if (fd < 0)
        return errno == EEXIST ? 0 : -errno;
    close(fd);
    return 0;
}

/* Replaces the dangling symbolic link `name` in `parent` by its text, followed by `rest`: the new
 * entry is made where the link points to. */
static int follow(char path[PATH_MAX], int parent, const char *head, size_t length,
                  const char *name, const char *rest)
{
    char link[PATH_MAX];
    ssize_t size = readlinkat(parent, name, link, sizeof(link) - 1);
    if (size < 0)
        return -errno;
    link[size] = 0;
    char tail[PATH_MAX];
    int result = join(tail, link, (size_t)size, rest);
    if (result < 0)
        return result;
    if (link[0] == '/') {
        strcpy(path, tail);
        return 0;
    }
    return join(path, head, length, tail);
}

int beneath_make(struct context *context, const char *wanted, int kind, mode_t mode, bool nofollow)
{
    char path[PATH_MAX];
    if (strlen(wanted) >= sizeof(path))
        return -ENAMETOOLONG;
    strcpy(path, wanted);
    for (int links = 0; links <= LINKS_MAX;) {
        /* The path of a file must not end with a slash. */
        for (size_t end = strlen(path); end > 0 && path[end - 1] == '/';)
            path[--end] = 0;
        int fd = beneath_open(context, *path ? path : "/", O_PATH, nofollow);
        if (fd != -ENOENT)
            return fd;
        /* Finds the longest part of the path that exists; the rest has to be made. */
        size_t length = strlen(path);
        autoclose int parent = -ENOENT;
        while (parent == -ENOENT && length > 0) {
            while (length > 0 && path[length - 1] != '/')
                length--;
            while (length > 0 && path[length - 1] == '/')
                length--;
            char head[PATH_MAX] = "/";
            if (length > 0) {
                memcpy(head, path, length);
                head[length] = 0;
            }
            parent = beneath_open(context, head, O_PATH | O_DIRECTORY, nofollow);
        }
        if (parent < 0)
            return parent;
        const char *name = path + length + strspn(path + length, "/");
        size_t end = strcspn(name, "/");
        const char *rest = name + end + strspn(name + end, "/");
        char part[NAME_MAX + 1];
        if (end > NAME_MAX)
            return -ENAMETOOLONG;
        memcpy(part, name, end);
        part[end] = 0;
        struct stat status;
        if (fstatat(parent, part, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode)) {
            if (nofollow)
                return -ELOOP;
            links++;
            char again[PATH_MAX];
            int result = follow(again, parent, path, length, part, rest);
            if (result < 0)
                return result;
            strcpy(path, again);
            continue;
        }
        bool above = *rest != 0;
        int made =
            make_entry(parent, part, above || kind == BENEATH_DIRECTORY, above ? 0755 : mode);
        if (made < 0)
            return made;
        links += !above; /* the loop also ends if somebody removes each entry that is made */
    }
    return -ELOOP;
}

int beneath_file(struct context *context, const char *path, mode_t mode)
{
    const char *name;
    autoclose int parent = beneath_parent(context, path, &name);
    if (parent < 0)
        return parent;
    int made = make_entry(parent, name, false, mode);
    if (made < 0)
        return made;
    int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int beneath_parent(struct context *context, const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (!**name || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
        return -EINVAL;
    size_t length = slash ? (size_t)(slash - path) : 0;
    char head[PATH_MAX];
    if (length >= sizeof(head))
        return -ENAMETOOLONG;
    memcpy(head, path, length);
    head[length] = 0;
    return beneath_make(context, head, BENEATH_DIRECTORY, 0755, true);
}
