#define _GNU_SOURCE
#include "kernel/calls.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes the plain files of a layer: regular files and symlinks with nothing unusual about them.
 * Nearly all entries of a layer are such; from Python each of them costs more than its system calls.
 * Whatever is unusual, refused or already there is left to hutch/image/tarstream.py and unpack.py:
 * they read the same entry again, and do what is right, or say what is wrong. So nothing here reports
 * an error, and nothing here decides where a path leads: the caller has opened the folder, and only a
 * name without a slash is made in it. */

enum {
    BLOCK = 512,
    NAME_SIZE = 4096,
    COMPONENT = 255,
    MOST_PAX = 2 * BLOCK, /* bytes of a PAX header; the times need 90 */
};
static const long long latest = 9223372035; /* seconds; tarstream.py limits a time to 2^63 ns */

struct header { /* POSIX.1-2008, pax, "ustar Header Block" */
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], kind, link[100];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], padding[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

struct entry {
    const struct header *header;
    char built[sizeof((struct header *)0)->prefix + sizeof((struct header *)0)->name + 1];
    const char *name; /* in the archive, or `built`; not terminated */
    size_t name_length, folder_length;
    char base[COMPONENT + 1];
    const unsigned char *data;
    long long mode, uid, gid, size, seconds, nanoseconds;
    size_t taken; /* bytes of the archive, with the PAX header and the padding */
};

/* Octal digits, with spaces before and spaces or NUL bytes after them. False for all else. */
static bool octal(const char *field, size_t size, long long *value)
{
    size_t at = 0;
    while (at < size && field[at] == ' ')
        at++;
    size_t first = at;
    for (*value = 0; at < size && field[at] >= '0' && field[at] <= '7'; at++)
        *value = *value * 8 + (field[at] - '0');
    if (at == first)
        return false;
    while (at < size && field[at] == ' ')
        at++;
    return at == size || field[at] == '\0';
}

static bool decimal(const char *text, size_t length, long long *value)
{
    if (length == 0 || length > 10)
        return false;
    *value = 0;
    for (size_t at = 0; at < length; at++) {
        if (text[at] < '0' || text[at] > '9')
            return false;
        *value = *value * 10 + (text[at] - '0');
    }
    return true;
}

/* A PAX time that is not negative, such as "1234.5678"; digits after the ninth are dropped. */
static bool pax_time(const char *text, size_t length, struct entry *entry)
{
    const char *point = memchr(text, '.', length);
    size_t whole = point ? (size_t)(point - text) : length;
    if (!decimal(text, whole, &entry->seconds) || entry->seconds > latest)
        return false;
    entry->nanoseconds = 0;
    long long unit = 100000000;
    for (size_t at = whole + 1; at < length; at++, unit /= 10) {
        if (text[at] < '0' || text[at] > '9')
            return false;
        entry->nanoseconds += unit * (text[at] - '0');
    }
    return true;
}

/* Reads a PAX header that has only times and a path. The entry's name is NULL unless it has one. */
static bool pax_records(const char *data, size_t length, struct entry *entry, bool *timed)
{
    for (size_t at = 0; at < length;) {
        const char *record = data + at;
        const char *space = memchr(record, ' ', length - at);
        long long size;
        if (!space || !decimal(record, (size_t)(space - record), &size))
            return false;
        size_t digits = (size_t)(space - record);
        if (size <= (long long)digits + 1 || (size_t)size > length - at || record[size - 1] != '\n')
            return false;
        const char *key = space + 1;
        const char *equals = memchr(key, '=', (size_t)(record + size - key));
        if (!equals)
            return false;
        const char *value = equals + 1;
        size_t key_length = (size_t)(equals - key), left = (size_t)(record + size - 1 - value);
        if (key_length == 5 && memcmp(key, "mtime", 5) == 0) {
            if (!pax_time(value, left, entry))
                return false;
            *timed = true;
        } else if (key_length == 4 && memcmp(key, "path", 4) == 0) {
            entry->name = value;
            entry->name_length = left;
        } else if (key_length != 5 ||
                   (memcmp(key, "atime", 5) != 0 && memcmp(key, "ctime", 5) != 0)) {
            return false;
        }
        at += (size_t)size;
    }
    return true;
}

static bool sound(const struct header *header)
{
    const unsigned char *bytes = (const unsigned char *)header;
    unsigned total = 8 * ' ';
    for (int at = 0; at < BLOCK; at++)
        total += bytes[at];
    for (size_t at = 0; at < sizeof(header->checksum); at++)
        total -= (unsigned char)header->checksum[at];
    long long checksum;
    return octal(header->checksum, sizeof(header->checksum), &checksum) && checksum == total;
}

/* The numbers of the header, also of those that a PAX header has for nothing. False if one of them
 * is none, or if the checksum is wrong. */
static bool read_numbers(struct entry *entry, long long *seconds)
{
    const struct header *header = entry->header;
    return sound(header) && octal(header->mode, sizeof(header->mode), &entry->mode) &&
           octal(header->uid, sizeof(header->uid), &entry->uid) &&
           octal(header->gid, sizeof(header->gid), &entry->gid) &&
           octal(header->size, sizeof(header->size), &entry->size) &&
           octal(header->mtime, sizeof(header->mtime), seconds);
}

/* Takes the name from the header, unless a PAX header had it, and splits it. */
static bool read_name(struct entry *entry)
{
    const struct header *header = entry->header;
    if (!entry->name) {
        size_t length = 0;
        if (memcmp(header->magic, "ustar", 6) == 0 && header->prefix[0]) {
            length = strnlen(header->prefix, sizeof(header->prefix));
            memcpy(entry->built, header->prefix, length);
            entry->built[length++] = '/';
        }
        size_t rest = strnlen(header->name, sizeof(header->name));
        memcpy(entry->built + length, header->name, rest);
        entry->name = entry->built;
        entry->name_length = length + rest;
    }
    if (entry->name_length > NAME_SIZE || memchr(entry->name, '\0', entry->name_length))
        return false;
    const char *slash = memrchr(entry->name, '/', entry->name_length);
    const char *base = slash ? slash + 1 : entry->name;
    size_t length = (size_t)(entry->name + entry->name_length - base);
    entry->folder_length = slash ? (size_t)(slash - entry->name) : 0;
    bool dots = length <= 2 && memcmp(base, "..", length) == 0;
    bool whiteout = length >= 4 && memcmp(base, ".wh.", 4) == 0;
    if (length == 0 || length > COMPONENT || dots || whiteout)
        return false;
    memcpy(entry->base, base, length);
    entry->base[length] = '\0';
    return true;
}

/* Whether a block of `hole` bytes has only zeros. Such a block is not written (unpack.py). */
static bool has_hole(const unsigned char *data, size_t size, size_t hole)
{
    for (size_t at = 0; at + hole <= size; at += hole)
        if (data[at] == 0 && memcmp(data + at, data + at + 1, hole - 1) == 0)
            return true;
    return false;
}

/* Reads the entry at the start of `stream`. False if it is not plain, or not complete. */
static bool read_entry(const unsigned char *stream, size_t length, size_t hole, struct entry *entry)
{
    size_t at = 0;
    bool timed = false;
    long long seconds;
    entry->name = NULL;
    if (length < BLOCK)
        return false;
    entry->header = (const struct header *)stream;
    if (entry->header->kind == 'x') {
        if (!read_numbers(entry, &seconds) || entry->size > MOST_PAX)
            return false;
        at = BLOCK + ((size_t)entry->size + BLOCK - 1) / BLOCK * BLOCK;
        if (length < at + BLOCK ||
            !pax_records((const char *)stream + BLOCK, (size_t)entry->size, entry, &timed))
            return false;
        entry->header = (const struct header *)(stream + at);
    }
    const struct header *header = entry->header;
    bool link = header->kind == '2';
    if ((header->kind != '0' && header->kind != '\0' && !link) || !read_numbers(entry, &seconds))
        return false;
    if (!timed) {
        entry->seconds = seconds;
        entry->nanoseconds = 0;
    }
    if (entry->seconds > latest || (link && (entry->size != 0 || header->link[0] == '\0')))
        return false;
    entry->mode &= 07777;
    at += BLOCK;
    entry->data = stream + at;
    entry->taken = at + ((size_t)entry->size + BLOCK - 1) / BLOCK * BLOCK;
    return entry->taken <= length && !has_hole(entry->data, (size_t)entry->size, hole) &&
           read_name(entry);
}

static bool make_link(int directory, const struct entry *entry, bool chown)
{
    char target[sizeof(entry->header->link) + 1];
    size_t length = strnlen(entry->header->link, sizeof(entry->header->link));
    memcpy(target, entry->header->link, length);
    target[length] = '\0';
    struct timespec time = {.tv_sec = entry->seconds, .tv_nsec = entry->nanoseconds};
    if (symlinkat(target, directory, entry->base) < 0)
        return false;
    if ((!chown || fchownat(directory, entry->base, (uid_t)entry->uid, (gid_t)entry->gid,
                            AT_SYMLINK_NOFOLLOW) == 0) &&
        utimensat(directory, entry->base, (struct timespec[]){time, time}, AT_SYMLINK_NOFOLLOW) ==
            0)
        return true;
    unlinkat(directory, entry->base, 0);
    return false;
}

static bool make_file(int directory, const struct entry *entry, bool chown, long long changed_bits)
{
    bool as_is = (entry->mode & changed_bits) == 0;
    return hutch_create_file(directory, entry->base, entry->data, (size_t)entry->size,
                             as_is ? entry->mode : 0600, as_is ? -1 : entry->mode,
                             chown ? entry->uid : -1, chown ? entry->gid : -1, entry->seconds,
                             entry->nanoseconds) == 0;
}

long long hutch_plain_files(int directory, const unsigned char *folder, size_t folder_length,
                            const unsigned char *stream, size_t length, size_t hole,
                            long long changed_bits, long long uid, long long gid,
                            unsigned char *report, size_t report_size)
{
    struct {
        long long entries, size, folder_length;
    } made = {0, 0, -1};
    struct entry entry;
    size_t at = 0;
    while (read_entry(stream + at, length - at, hole, &entry)) {
        if (directory < 0 || entry.folder_length != folder_length ||
            memcmp(entry.name, folder, folder_length) != 0) {
            if (sizeof(made) + entry.folder_length <= report_size) {
                made.folder_length = (long long)entry.folder_length;
                memcpy(report + sizeof(made), entry.name, entry.folder_length);
            }
            break;
        }
        bool chown = entry.uid != uid || entry.gid != gid;
        if (!(entry.header->kind == '2' ? make_link(directory, &entry, chown)
                                        : make_file(directory, &entry, chown, changed_bits)))
            break;
        made.entries++;
        made.size += entry.size;
        at += entry.taken;
    }
    if (sizeof(made) <= report_size)
        memcpy(report, &made, sizeof(made));
    return (long long)at;
}
