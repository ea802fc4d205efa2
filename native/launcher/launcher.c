/*
 * The command `hutch` or `warren`: starts the interpreter at the least cost.
 *
 * A wheel's script cannot say `python -I -S`: pip strips what stands behind a shebang's interpreter.
 * So the command is this small static program beside the interpreter's own commands. It looks where
 * it lies, executes the interpreter isolated (-I: no PYTHON variables, no current directory, no
 * user's packages; -S: no site, no .pth files), with the package's folder pinned behind the
 * standard library's, straight into the package (S-81).
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PROGRAM
#error "PROGRAM names the command: hutch or warren"
#endif
#ifndef MODULE
#error "MODULE names the module with main()"
#endif
#ifndef PYTHON_VERSION
#error "PYTHON_VERSION is the interpreter's, such as 3.11"
#endif

static const char code[] = "import sys; sys.path.append(sys.argv.pop(1)); "
                           "from " MODULE " import main; sys.exit(main())";

/* Where an installation may put packages, below its prefix. */
static const char *const places[] = {
    "lib/python" PYTHON_VERSION "/site-packages",
    "local/lib/python" PYTHON_VERSION "/dist-packages",
    "lib/python" PYTHON_VERSION "/dist-packages",
    "lib/python3/dist-packages",
};

static int die(const char *what, const char *path)
{
    dprintf(2, PROGRAM ": %s %s: reinstall hutch\n", what, path);
    return 1;
}

/* A runtime whose standard streams are closed would hand its own files to the container as 0-2. */
static void open_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd < 3);
    if (fd >= 3)
        close(fd);
}

int main(int argc, char **argv)
{
    char prefix[PATH_MAX], path[PATH_MAX + 128], interpreter[PATH_MAX], packages[PATH_MAX + 128];
    open_standard_streams();
    ssize_t length = readlink("/proc/self/exe", prefix, sizeof(prefix) - 1);
    if (length < 0)
        return die("cannot read", "/proc/self/exe");
    prefix[length] = 0;
    for (int up = 0; up < 2; up++) { /* PREFIX/bin/PROGRAM */
        char *slash = strrchr(prefix, '/');
        if (slash)
            *slash = 0;
    }
    snprintf(path, sizeof(path), "%s/bin/python" PYTHON_VERSION, prefix);
    if (!realpath(path, interpreter) && !realpath("/usr/bin/python" PYTHON_VERSION, interpreter))
        return die("cannot find", path);
    size_t place = 0;
    struct stat found;
    do {
        if (place == sizeof(places) / sizeof(places[0]))
            return die("cannot find the package below", prefix);
        snprintf(path, sizeof(path), "%s/%s/hutch/__init__.py", prefix, places[place]);
    } while (stat(path, &found) < 0 && ++place);
    snprintf(packages, sizeof(packages), "%s/%s", prefix, places[place]);
    char **words = calloc((size_t)argc + 8, sizeof(*words));
    if (!words)
        return die("no memory for", PROGRAM);
    int count = 0;
    words[count++] = interpreter;
    words[count++] = (char *)"-I";
    words[count++] = (char *)"-S";
    words[count++] = (char *)"-X";
    words[count++] = (char *)"utf8";
    words[count++] = (char *)"-c";
    words[count++] = (char *)(size_t)code;
    words[count++] = packages;
    for (int i = 1; i < argc; i++)
        words[count++] = argv[i];
    execv(interpreter, words);
    return die("cannot execute", interpreter);
}
