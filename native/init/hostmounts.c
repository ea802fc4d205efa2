/* Without pivot_root the host's mounts stay below the container's root, where no path leads; but for
 * the kernel they are still mounted. It lets a user namespace mount proc and sysfs where one is
 * mounted that nothing covers, and a bare /proc shows what linux.maskedPaths hides (S-33). So the
 * host's are taken away, and those that are locked are covered. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

#define FIRST_SIZE (64u << 10)

/* The text of a file of our procfs, from `keep`; NULL with the failure noted. */
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

/* The id of the mount that a descriptor is on. */
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
    char *path;
    const char *type;
};

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

/* Covered by an empty file system it can be seen no more: below, the cover is locked. */
static int cover_locked(struct context *context, const char *path)
{
    if (mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0") < 0)
        return refused(context, "mount", errno, path);
    return 0;
}

/* One look at all mounts: how many were taken away; those that are left are covered if `cover`. */
static int hide(struct context *context, uint64_t root, bool cover)
{
    char *text = read_text(context, "self/mountinfo");
    if (!text)
        return -context->failure.error;
    size_t count = 0, hidden = 0;
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
    /* What was mounted last lies on top. */
    for (size_t i = count; i-- > 0;) {
        if ((strcmp(lines[i].type, "proc") != 0 && strcmp(lines[i].type, "sysfs") != 0) ||
            is_below(lines, count, &lines[i], root))
            continue;
        if (cover) {
            int result = cover_locked(context, lines[i].path);
            if (result < 0)
                return result;
        }
        /* Private first: it is the host's to unmount there. */
        else if (mount(NULL, lines[i].path, NULL, MS_PRIVATE | MS_REC, NULL) == 0 &&
                 umount2(lines[i].path, MNT_DETACH) == 0)
            hidden++;
    }
    return (int)hidden;
}

int hide_host_mounts(struct context *context)
{
    uint64_t root;
    int result = mount_of(context, context->root, &root);
    if (result < 0)
        return result;
    do
        result = hide(context, root, false);
    while (result > 0);
    return result < 0 ? result : hide(context, root, true);
}
