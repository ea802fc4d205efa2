/* Finds the package and the interpreter of a command from a wheel, which is built for any interpreter
 * and any folder. A part of places.h.
 *
 * The package that belongs to this program has the file hutch/libexec/MARK. The name of that file is
 * made from all sources, so the package of another version, which another interpreter may have below
 * the same prefix, is not taken.
 */
#ifndef HUTCH_ANY_PLACE_H
#define HUTCH_ANY_PLACE_H

enum { FIRST_MINOR = 11, LAST_MINOR = 40 };

/* The folders below a prefix that installers use for packages; "" is that of pip's --target. The
 * commands are in the prefix's folder bin. */
static const char *const places[] = {
    "/lib/python3.%d/site-packages",
    "/lib/python3.%d/dist-packages", /* Debian; the prefix is /usr/local */
    "/lib64/python3.%d/site-packages",
    "",
};
enum { PLACES = sizeof(places) / sizeof(places[0]) };

static void write_place(char place[64], size_t which, int minor)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
    snprintf(place, 64, places[which], minor);
#pragma GCC diagnostic pop
}

static int has_mark(const char *packages)
{
    struct stat found;
    char path[PLACE_MAX + 64];
    snprintf(path, sizeof(path), "%s/hutch/libexec/" MARK, packages);
    return stat(path, &found) == 0;
}

/* Looks below the prefix, for each version of the interpreter. */
static int is_below(const char *prefix, char packages[PLACE_MAX])
{
    char place[64];
    for (int minor = FIRST_MINOR; minor <= LAST_MINOR; minor++)
        for (size_t i = 0; i < PLACES; i++) {
            write_place(place, i, minor);
            snprintf(packages, PLACE_MAX, "%s%s", prefix, place);
            if (has_mark(packages))
                return 1;
        }
    return 0;
}

/* Cuts the folder of packages off a path, so that the prefix is left. */
static void cut_place(char *path)
{
    char place[64];
    size_t length = strlen(path);
    for (int minor = FIRST_MINOR; minor <= LAST_MINOR; minor++)
        for (size_t i = 0; i < PLACES; i++) {
            write_place(place, i, minor);
            size_t part = strlen(place);
            if (part && length > part && !strcmp(path + length - part, place)) {
                path[length - part] = 0;
                return;
            }
        }
}

/* Finds the prefix of the installation and its folder of packages, from the program's path
 * PREFIX/bin/PROGRAM or PACKAGES/hutch/libexec/PROGRAM. Returns 0, or 1 after an error message. */
static int find_places(char prefix[PATH_MAX], char packages[PLACE_MAX])
{
    int inside = go_to_top(prefix);
    if (inside < 0)
        return 1;
    if (!inside)
        return is_below(prefix, packages) ? 0 : die("cannot find the package below", prefix);
    snprintf(packages, PLACE_MAX, "%s", prefix);
    cut_place(prefix);
    return 0;
}

/* Reads the interpreter from the script PREFIX/bin/hutch-python, in whose first lines the installer
 * has written it: "#!INTERPRETER", or, if that has spaces or is long, a line for sh, and
 *
 *     '''exec' "INTERPRETER" "$0" "$@"
 *
 * Returns 0, or 1 after an error message. */
static inline int find_interpreter(const char *prefix, char interpreter[PATH_MAX])
{
    static const char shell[] = "#!/bin/sh\n'''exec' ";
    char path[PLACE_MAX], text[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/bin/hutch-python", prefix);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return die("cannot find", path);
    ssize_t length = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (length < 2)
        return die("finds no interpreter in", path);
    text[length] = 0;
    char *start = text + 2;
    const char *ends = "\n";
    if (!strncmp(text, shell, sizeof(shell) - 1)) {
        start = text + sizeof(shell) - 1;
        ends = *start == '"' ? "\"" : " ";
        start += *start == '"';
    }
    start[strcspn(start, ends)] = 0;
    /* The link of an environment is resolved: its packages are added by their folder. */
    if (*start == '/' && realpath(start, interpreter))
        return 0;
    return die("finds no interpreter in", path);
}

#endif
