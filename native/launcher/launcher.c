/*
 * The command `hutch` or `warren`: starts the interpreter as fast as possible.
 *
 * A script of a wheel cannot have the line `#!python -I -S`, because pip removes the options. So the
 * command is this small static program. It finds the package from its own path, and executes the
 * interpreter in isolated mode (S-81): -I means no PYTHON variables, no current directory and no
 * packages of the user; -S means no site module and no .pth files. The package's folder is added to
 * sys.path after the folders of the standard library.
 */
#include <stdlib.h>

#include "launcher/places.h"

#ifndef MODULE
#error "MODULE names the module with main()"
#endif

/* The arguments are the package's folder, the command's name, and the words of the command line. */
static const char code[] =
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "sys.argv[0] = sys.argv.pop(1); from " MODULE " import main; sys.exit(main())";

#ifdef ARCHIVE
/* The variable that keeps the caller's LC_ALL while the interpreter starts with LC_ALL=C. */
#define LOCALE "HUTCH_LC_ALL"

/* The same, but with the modules from one file (native/archive.py). */
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
    char prefix[PATH_MAX], packages[PLACE_MAX], interpreter[PATH_MAX];
    open_standard_streams();
    keep_exit_codes();
    if (find_places(prefix, packages) || find_interpreter(prefix, interpreter))
        return 1;
    const char *started = code;
#ifdef ARCHIVE
    char archive[PLACE_MAX + 64];
    struct stat found;
    snprintf(archive, sizeof(archive), "%s/hutch/libexec/" ARCHIVE, packages);
    if (stat(archive, &found) == 0) {
        started = quick_code;
        /* -X utf8 makes everything UTF-8. With LC_ALL=C the C library reads no locale files. */
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
