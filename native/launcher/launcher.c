/*
 * The command `hutch` or `warren`: starts the interpreter at the least cost.
 *
 * A wheel's script cannot say `python -I -S`: pip strips what stands behind a shebang's interpreter.
 * So the command is this small static program beside the interpreter's own commands. It looks where
 * it lies, executes the interpreter isolated (-I: no PYTHON variables, no current directory, no
 * user's packages; -S: no site, no .pth files), with the package's folder pinned behind the
 * standard library's, straight into the package (S-81).
 */
#include <stdlib.h>

#include "launcher/places.h"

#ifndef MODULE
#error "MODULE names the module with main()"
#endif

/* What it is called by comes behind the package's folder. */
static const char code[] =
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "sys.argv[0] = sys.argv.pop(1); from " MODULE " import main; sys.exit(main())";

#ifdef ARCHIVE
/* Where the caller's LC_ALL is while the interpreter starts with another. */
#define LOCALE "HUTCH_LC_ALL"

/* With the modules in one file (native/archive.py) instead. */
static const char quick_code[] =
    "import posix,sys,marshal as m\n"
    "p=sys.argv.pop(1)\n"
    "sys.argv[0]=sys.argv.pop(1)\n"
    "v=posix.environ.pop(b'" LOCALE "',None)\n"
    "posix.environ.pop(b'LC_ALL',None)\n"
    "if v is not None: posix.environ[b'LC_ALL']=v\n"
    "f=posix.open(p+'/hutch/libexec/" ARCHIVE "',posix.O_RDONLY|posix.O_CLOEXEC)\n"
    "i,a,x,n,e=m.loads(posix.read(f,16384))\n"
    "d={'__name__':'hutch_importer'}\n"
    "exec(i,d)\n"
    "exec(a)\n"
    "main(f,p,d['install'],x,n,e)";
#endif

int main(int argc, char **argv)
{
    char prefix[PATH_MAX], packages[PLACE_MAX], path[PLACE_MAX], interpreter[PATH_MAX];
    open_standard_streams();
    keep_exit_codes();
    if (find_places(prefix, packages))
        return 1;
    snprintf(path, sizeof(path), "%s/bin/python" PYTHON_VERSION, prefix);
    if (!realpath(path, interpreter) && !realpath("/usr/bin/python" PYTHON_VERSION, interpreter))
        return die("cannot find", path);
    const char *started = code;
#ifdef ARCHIVE
    char archive[PLACE_MAX + 64];
    struct stat found;
    snprintf(archive, sizeof(archive), "%s/hutch/libexec/" ARCHIVE, packages);
    if (stat(archive, &found) == 0) {
        started = quick_code;
        /* Everything is UTF-8 by -X utf8; a locale would only be read and mapped. */
        const char *given = getenv("LC_ALL");
        if (given ? setenv(LOCALE, given, 1) : unsetenv(LOCALE))
            return die("no memory for", "LC_ALL");
        setenv("LC_ALL", "C", 1);
    }
#endif
    char **words = calloc((size_t)argc + 9, sizeof(*words));
    if (!words)
        return die("no memory for", PROGRAM);
    int count = 0;
    words[count++] = interpreter;
    words[count++] = (char *)"-I";
    words[count++] = (char *)"-S";
    words[count++] = (char *)"-X";
    words[count++] = (char *)"utf8";
    words[count++] = (char *)"-c";
    words[count++] = (char *)(size_t)started;
    words[count++] = packages;
    words[count++] = argc > 0 ? argv[0] : (char *)PROGRAM;
    for (int i = 1; i < argc; i++)
        words[count++] = argv[i];
    execv(interpreter, words);
    return die("cannot execute", interpreter);
}
