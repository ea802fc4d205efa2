/* Without pivot_root the host's mounts stay below the container's root. No path leads to them, but
 * they are still mounted. A process in a user namespace may mount a new proc or sysfs only if one
 * is fully visible in its mount namespace (mount_namespaces(7)), and a new /proc would show what
 * linux.maskedPaths hides (S-33). So this file covers the host's proc and sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

#define FIRST_SIZE (64u << 10)
#define PROC_SUPER_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572

/* The text of a file of our procfs, in memory from `keep`; NULL after a failure, which is
 * stored. */
static char *read_text(struct context *context, const char *path)
{
    for (size_t size = FIRST_SIZE;; size *= 2) {
        autoclose int fd = proc_open(context, path, O_RDONLY);
        if (fd < 0)
            return NULL;
        char *text = keep(size);
        size_t length = 0;
        ssize_t got = text ? 1 : -1;
        while (got > 0 && length < size) {
            got = read(fd, text + length, size - length);
            length += got > 0 ? (size_t)got : 0;
        }
        if (got < 0) {
            failed(context, "read");
            return NULL;
        }
        if (length < size)
            return text;
    }
}

/* Finds the id of the mount that a descriptor is on (proc(5), fdinfo). */
static int mount_of(struct context *context, int fd, uint64_t *id)
{
    char digits[DECIMAL_MAX];
    const char *parts[] = {"self/fdinfo/", decimal(digits, (uint64_t)fd), NULL};
    char *path = concatenated(parts);
    char *text = path ? read_text(context, path) : NULL;
    char *line = text ? strstr(text, "mnt_id:\t") : NULL;
    if (!line)
        return refused(context, "read", ENODATA, NULL);
    line += strlen("mnt_id:\t");
    line[strcspn(line, "\n")] = 0;
    return number(line, id) ? 0 : refused(context, "read", ENODATA, NULL);
}

struct line {
    uint64_t id, parent;
    const char *root;
    char *path;
    const char *type;
};

/* Whether the mount shows a whole procfs or sysfs. A mount of a part of one does not count as fully
 * visible. */
static bool is_whole(const struct line *line)
{
    return (strcmp(line->type, "proc") == 0 || strcmp(line->type, "sysfs") == 0) &&
           strcmp(line->root, "/") == 0;
}

/* mountinfo writes space, tab, line feed and backslash as three octal digits. */
static void unescape(char *text)
{
    char *to = text;
    for (; *text; to++)
        if (*text == '\\' && text[1] && text[2] && text[3]) {
            *to = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
            text += 4;
        } else
            *to = *text++;
    *to = 0;
}

/* "ID PARENT MAJ:MIN ROOT PATH OPTIONS [FIELD...] - TYPE SOURCE OPTIONS" (proc(5)). */
static bool parse(char *text, struct line *line)
{
    char *words[5], *end = strstr(text, " - ");
    if (!end)
        return false;
    line->type = end + 3;
    end[3 + strcspn(end + 3, " ")] = 0;
    for (int i = 0; i < 5; i++) {
        words[i] = text;
        text += strcspn(text, " ");
        if (!*text)
            return false;
        *text++ = 0;
    }
    line->root = words[3];
    line->path = words[4];
    unescape(line->path);
    return number(words[0], &line->id) && number(words[1], &line->parent);
}

/* Whether the mount is the container's root, or below it. */
static bool is_below(const struct line *lines, size_t count, const struct line *line, uint64_t root)
{
    uint64_t id = line->id, parent = line->parent;
    for (size_t depth = 0; depth <= count; depth++) {
        if (id == root)
            return true;
        id = parent;
        for (size_t i = 0; i < count; i++)
            if (lines[i].id == id)
                parent = lines[i].parent;
        if (id == parent)
            return false;
    }
    return false;
}

/* Covers a mount with an empty file system; in user namespaces made later this cover is locked.
 * The mount is not unmounted, because that would also unmount it on the host if its parent mount
 * is shared. The mount is made private first: if it were shared, the cover would appear on the
 * host. */
static int cover(struct context *context, const char *path)
{
    struct statfs status;
    if (statfs(path, &status) < 0)
        return refused(context, "statfs", errno, path);
    if (status.f_type != PROC_SUPER_MAGIC && status.f_type != SYSFS_MAGIC)
        return refused(context, "statfs", EBUSY, path);
    if (mount(NULL, path, NULL, MS_PRIVATE, NULL) < 0)
        return refused(context, "mount(MS_PRIVATE)", errno, path);
    if (mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0") < 0)
        return refused(context, "mount", errno, path);
    return 0;
}

/* Whether another mount covers the root of this one. */
static bool is_covered(const struct line *lines, size_t count, const struct line *line)
{
    for (const struct line *other = lines; other < lines + count; other++)
        if (other->parent == line->id && strcmp(other->path, line->path) == 0)
            return true;
    return false;
}

int hide_host_mounts(struct context *context)
{
    uint64_t root;
    int result = mount_of(context, context->root, &root);
    if (result < 0)
        return result;
    char *text = read_text(context, "self/mountinfo");
    if (!text)
        return -context->failure.error;
    size_t count = 0;
    for (const char *at = text; *at; at++)
        count += *at == '\n';
    struct line *lines = keep((count + 1) * sizeof(*lines));
    if (!lines)
        return failed(context, "mmap");
    for (size_t i = 0; i < count; i++) {
        char *end = strchr(text, '\n');
        *end = 0;
        if (!parse(text, &lines[i]))
            return refused(context, "read", EBADMSG, "mountinfo");
        text = end + 1;
    }
    for (size_t i = count; i-- > 0 && result == 0;)
        if (is_whole(&lines[i]) && !is_below(lines, count, &lines[i], root) &&
            !is_covered(lines, count, &lines[i]))
            result = cover(context, lines[i].path);
    return result;
}
