/* tmpcopyup: copies the files that the image has in a directory into the tmpfs that will cover it.
 *
 * Both trees are walked by descriptors, one name at a time. No symbolic link is followed, and only
 * regular files and directories are opened. Files on other mounts are not copied. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "init.h"

#define DEPTH_MAX 64 /* each level holds two descriptors and a buffer of names */
#define NAMES_MAX 4096
#define XATTRS_MAX (64u << 10)

struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

static int copy_directory(struct context *context, int from, int to, dev_t device, int depth);

/* Attributes that this file system does not support, or that may not be set, are left out. */
static void copy_xattrs(int from, int to)
{
    char names[XATTRS_MAX], value[XATTRS_MAX];
    ssize_t length = flistxattr(from, names, sizeof(names));
    for (char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
        ssize_t size = fgetxattr(from, name, value, sizeof(value));
        if (size >= 0)
            (void)fsetxattr(to, name, value, (size_t)size, 0);
    }
}

/* EINVAL: the id is not mapped in this user namespace, so no file can get it. */
static int set_owner(struct context *context, int directory, const char *name,
                     const struct stat *status)
{
    int flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
    if ((fchownat(directory, name, status->st_uid, (gid_t)-1, flags) < 0 && errno != EINVAL) ||
        (fchownat(directory, name, (uid_t)-1, status->st_gid, flags) < 0 && errno != EINVAL))
        return failed(context, "fchownat");
    return 0;
}

/* Owner before mode: chown(2) clears the set-user-ID bit. */
static int copy_attributes(struct context *context, int from, int to, const struct stat *status)
{
    int result = set_owner(context, to, "", status);
    if (result < 0)
        return result;
    if (fchmod(to, status->st_mode & 07777) < 0)
        return failed(context, "fchmod");
    copy_xattrs(from, to);
    const struct timespec times[] = {status->st_atim, status->st_mtim};
    return futimens(to, times) < 0 ? failed(context, "futimens") : 0;
}

/* Copies only the parts with data: the holes of a sparse file then use no memory in the tmpfs. */
static int copy_data(struct context *context, int from, int to, off_t size)
{
    for (off_t end = 0;;) {
        off_t at = lseek(from, end, SEEK_DATA);
        if (at < 0)
            break;
        end = lseek(from, at, SEEK_HOLE);
        if (end < 0 || lseek(from, at, SEEK_SET) < 0 || lseek(to, at, SEEK_SET) < 0)
            return failed(context, "lseek");
        while (at < end) {
            ssize_t done = sendfile(to, from, NULL, (size_t)(end - at));
            if (done < 0)
                return failed(context, "sendfile");
            if (done == 0)
                break;
            at += done;
        }
    }
    return ftruncate(to, size) < 0 ? failed(context, "ftruncate") : 0;
}

/* Opens the file of an O_PATH descriptor with other flags. */
static int reopen(struct context *context, int fd, int flags)
{
    char digits[DECIMAL_MAX];
    char path[64] = "self/fd/";
    strcat(path, decimal(digits, (uint64_t)fd));
    return openat(context->proc, path, flags | O_CLOEXEC);
}

static int copy_file(struct context *context, int found, int to, const char *name,
                     const struct stat *status)
{
    autoclose int from = reopen(context, found, O_RDONLY | O_NOCTTY);
    if (from < 0)
        return failed(context, "openat");
    autoclose int copy = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (copy < 0)
        return failed(context, "openat");
    int result = copy_data(context, from, copy, status->st_size);
    return result < 0 ? result : copy_attributes(context, from, copy, status);
}

static int copy_link(struct context *context, int found, int to, const char *name,
                     const struct stat *status)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(found, "", target, sizeof(target) - 1);
    if (length < 0)
        return failed(context, "readlinkat");
    target[length] = 0;
    if (symlinkat(target, to, name) < 0)
        return failed(context, "symlinkat");
    return set_owner(context, to, name, status);
}

/* Copies a FIFO, socket or device. EPERM: in a user namespace devices cannot be made; the image's
 * own could not be opened there either. */
static int copy_node(struct context *context, int to, const char *name, const struct stat *status)
{
    if (mknodat(to, name, status->st_mode, status->st_rdev) < 0)
        return errno == EPERM ? 0 : failed(context, "mknodat");
    int result = set_owner(context, to, name, status);
    if (result < 0)
        return result;
    return fchmodat(to, name, status->st_mode & 07777, 0) < 0 ? failed(context, "fchmodat") : 0;
}

static int copy_below(struct context *context, int found, int to, const char *name,
                      const struct stat *status, dev_t device, int depth)
{
    if (mkdirat(to, name, 0700) < 0)
        return failed(context, "mkdirat");
    autoclose int copy = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autoclose int from = openat(found, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0 || from < 0)
        return failed(context, "openat");
    int result = status->st_dev == device ? copy_directory(context, from, copy, device, depth) : 0;
    return result < 0 ? result : copy_attributes(context, from, copy, status);
}

static int copy_entry(struct context *context, int from, int to, const char *name, dev_t device,
                      int depth)
{
    autoclose int found = openat(from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    if (found < 0)
        return failed(context, "openat");
    if (fstat(found, &status) < 0)
        return failed(context, "fstat");
    switch (status.st_mode & S_IFMT) {
    case S_IFDIR: return copy_below(context, found, to, name, &status, device, depth + 1);
    case S_IFREG: return copy_file(context, found, to, name, &status);
    case S_IFLNK: return copy_link(context, found, to, name, &status);
    }
    return copy_node(context, to, name, &status);
}

static int copy_directory(struct context *context, int from, int to, dev_t device, int depth)
{
    char names[NAMES_MAX] __attribute__((aligned(8)));
    if (depth > DEPTH_MAX)
        return refused(context, "getdents64", ELOOP, "the directories are too deep");
    for (;;) {
        long length = syscall(SYS_getdents64, from, names, sizeof(names));
        if (length < 0)
            return failed(context, "getdents64");
        if (length == 0)
            return 0;
        for (long at = 0; at < length;) {
            const struct entry *entry = (const struct entry *)(names + at);
            at += entry->length;
            if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
                continue;
            int result = copy_entry(context, from, to, entry->name, device, depth);
            if (result < 0) {
                if (!*context->failure.detail)
                    strncpy(context->failure.detail, entry->name,
                            sizeof(context->failure.detail) - 1);
                return result;
            }
        }
    }
}

int copy_up(struct context *context, int covered, int mount)
{
    struct stat status;
    autoclose int from = openat(covered, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclose int to = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (from < 0 || to < 0)
        return failed(context, "openat");
    if (fstat(from, &status) < 0)
        return failed(context, "fstat");
    return copy_directory(context, from, to, status.st_dev, 0);
}

int take_attributes(struct context *context, int covered, int mount, bool mode, bool owner)
{
    struct stat status;
    if (fstat(covered, &status) < 0)
        return failed(context, "fstat");
    int result = owner ? set_owner(context, mount, "", &status) : 0;
    if (result == 0 && mode && fchmodat(mount, ".", status.st_mode & 07777, 0) < 0)
        return failed(context, "fchmodat");
    return result;
}
