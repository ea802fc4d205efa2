/* Finds the package of a build for one interpreter and one prefix. A part of places.h. */
#ifndef HUTCH_KNOWN_PLACE_H
#define HUTCH_KNOWN_PLACE_H

#ifndef PYTHON_VERSION
#error "PYTHON_VERSION is the interpreter's, such as 3.11"
#endif

#ifndef INSTALLED
#error "INSTALLED is the prefix that it is installed to"
#endif

/* The folders below the prefix that an installation may use for packages. */
static const char *const places[] = {
    "lib/python" PYTHON_VERSION "/site-packages",
    "local/lib/python" PYTHON_VERSION "/dist-packages",
    "lib/python" PYTHON_VERSION "/dist-packages",
    "lib/python3/dist-packages",
};

/* Whether the package is installed below the prefix; stores its folder in `packages`. */
static int is_below(const char *prefix, char packages[PLACE_MAX])
{
    struct stat found;
    char path[PLACE_MAX + 32];
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(packages, PLACE_MAX, "%s/%s", prefix, places[i]);
        snprintf(path, sizeof(path), "%s/hutch/__init__.py", packages);
        if (stat(path, &found) == 0)
            return 1;
    }
    return 0;
}

/* Whether only root or the caller can change the package: they own all folders of its path, and no
 * other user can write to them. A folder above the prefix may have the sticky bit instead, as /tmp:
 * then other users cannot rename or remove what is in it. */
static int is_guarded(const char *prefix, const char *packages)
{
    struct stat folder;
    char path[PLACE_MAX + 32];
    snprintf(path, sizeof(path), "%s/hutch", packages);
    for (;; go_up(path)) {
        if (lstat(*path ? path : "/", &folder) < 0 || !S_ISDIR(folder.st_mode) ||
            (folder.st_uid != 0 && folder.st_uid != geteuid()))
            return 0;
        int above = strlen(path) < strlen(prefix);
        if (folder.st_mode & 022 && !(above && folder.st_mode & S_ISVTX))
            return 0;
        if (!*path)
            return 1;
    }
}

/* Uses the prefix that the build was given, for a copy or a bind mount of this program in another
 * place. The package must be one that no other user can change (S-81). */
static int find_installed(char prefix[PATH_MAX], char packages[PLACE_MAX], const char *sought)
{
    if (!realpath(INSTALLED, prefix) || !is_below(prefix, packages))
        return die("cannot find the package below", sought);
    return is_guarded(prefix, packages) ? 0 : die("others can change the package in", packages);
}

/* Finds the prefix of the installation and its folder of packages: from the program's path
 * PREFIX/bin/PROGRAM or PACKAGES/hutch/libexec/PROGRAM, otherwise from the prefix that the build was
 * given. Returns 0, or 1 after an error message. */
static int find_places(char prefix[PATH_MAX], char packages[PLACE_MAX])
{
    char sought[PATH_MAX];
    int inside = go_to_top(prefix);
    if (inside < 0)
        return 1;
    snprintf(sought, sizeof(sought), "%s", prefix);
    if (inside) {
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            size_t end = strlen(prefix), part = strlen(places[i]);
            if (end <= part || strcmp(prefix + end - part, places[i]) ||
                prefix[end - part - 1] != '/')
                continue;
            snprintf(packages, PLACE_MAX, "%s", prefix);
            prefix[end - part - 1] = 0;
            return 0;
        }
    } else if (is_below(prefix, packages)) {
        return 0;
    }
    return find_installed(prefix, packages, sought);
}

/* Finds the interpreter. Returns 0, or 1 after an error message. */
static inline int find_interpreter(const char *prefix, char interpreter[PATH_MAX])
{
    char path[PLACE_MAX];
    snprintf(path, sizeof(path), "%s/bin/python" PYTHON_VERSION, prefix);
    if (realpath(path, interpreter) || realpath("/usr/bin/python" PYTHON_VERSION, interpreter))
        return 0;
    return die("cannot find", path);
}

#endif
