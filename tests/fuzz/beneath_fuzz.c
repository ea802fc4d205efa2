/* The path resolver: openat2 and the walk that stands in for it must find the same, and neither may
 * leave the root or make anything outside.
 *
 * An input is a little program: it makes directories, files and symbolic links of few names, then
 * resolves paths among them. */
#include "init/beneath.c"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>
#include <sys/mount.h>

#define ENTRIES_MAX 24
#define PATHS_MAX 8

static char top[32] = "/mnt";
static char outside[64], root_path[64], long_name[NAME_MAX + 2];
static int root = -1, proc = -1;

/* The components that paths and links are made of. */
static const char *words[] = {"a", "b",     "c",       "d",        "..",  ".",
                              "",  outside, long_name, "../../..", "a/b", "loop"};
#define WORDS (sizeof(words) / sizeof(words[0]))

struct input {
    const unsigned char *at;
    size_t left;
};

static unsigned take(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

static void take_path(struct input *input, char path[PATH_MAX], unsigned kinds)
{
    unsigned count = take(input) % 6;
    path[0] = 0;
    if (take(input) & 1)
        strcat(path, "/");
    for (unsigned i = 0; i < count; i++) {
        strcat(path, words[take(input) % kinds]);
        if (i + 1 < count || (take(input) & 7) == 7)
            strcat(path, "/");
    }
}

void autoclose_fd(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
}

static void refuse(const char *what, const char *path, int first, int second)
{
    fprintf(stderr, "%s: \"%s\": %d and %d\n", what, path, first, second);
    abort();
}

/* What is made goes by way of a directory that no link leads to: links may point out of the root. */
static void make(struct input *input)
{
    static const struct open_how plain = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    char path[PATH_MAX], target[PATH_MAX];
    unsigned kind = take(input) % 3;
    take_path(input, path, 4);
    const char *relative = path + strspn(path, "/");
    char *slash = strrchr(relative, '/');
    int parent;
    if (slash) {
        *slash = 0;
        parent = (int)syscall(SYS_openat2, root, relative, &plain, sizeof(plain));
        relative = slash + 1;
    } else {
        parent = dup(root);
    }
    if (parent < 0 || !*relative) {
        autoclose_fd(&parent);
        return;
    }
    if (kind == 0) {
        mkdirat(parent, relative, 0755);
    } else if (kind == 1) {
        int fd = openat(parent, relative, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
        autoclose_fd(&fd);
    } else {
        take_path(input, target, WORDS);
        (void)!symlinkat(target, parent, relative);
    }
    close(parent);
}

/* Whether the descriptor is of something in the root. */
static void check_inside(const char *what, const char *wanted, int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    size_t prefix = strlen(root_path);
    if (length < 0)
        abort();
    path[length] = 0;
    if (strncmp(path, root_path, prefix) != 0 || (path[prefix] && path[prefix] != '/'))
        refuse(what, wanted, fd, 0);
}

static int entries(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;
    if (!directory)
        abort();
    while (readdir(directory))
        count++;
    closedir(directory);
    return count - 2;
}

static void compare(struct context *context, const char *path, int flags, bool nofollow)
{
    context->no_openat2 = false;
    int first = beneath_open(context, path, flags, nofollow);
    context->no_openat2 = true;
    int second = beneath_open(context, path, flags, nofollow);
    struct stat one, two;
    if ((first < 0) != (second < 0))
        refuse("openat2 and the walk differ", path, first, second);
    if (first >= 0) {
        if (fstat(first, &one) < 0 || fstat(second, &two) < 0)
            abort();
        if (one.st_ino != two.st_ino || one.st_dev != two.st_dev)
            refuse("openat2 and the walk find different files", path, first, second);
        check_inside("openat2 left the root", path, first);
        check_inside("the walk left the root", path, second);
    }
    autoclose_fd(&first);
    autoclose_fd(&second);
}

static void resolve(struct input *input)
{
    struct context context = {.root = root, .proc = proc};
    char path[PATH_MAX];
    unsigned kind = take(input);
    bool walked = kind & 64, nofollow = kind & 128;
    take_path(input, path, WORDS);
    if (kind % 4 == 0) {
        static const int flags[] = {O_PATH, O_PATH | O_DIRECTORY, O_RDONLY | O_NONBLOCK,
                                    O_PATH | O_NOFOLLOW};
        compare(&context, path, flags[kind / 4 % 4], nofollow);
        return;
    }
    context.no_openat2 = walked;
    int fd;
    const char *name;
    if (kind % 4 == 1) {
        fd = beneath_make(&context, path, kind & 4 ? BENEATH_FILE : BENEATH_DIRECTORY, 0755,
                          nofollow);
    } else if (kind % 4 == 2) {
        fd = beneath_file(&context, path, 0644);
    } else {
        fd = beneath_parent(&context, path, &name);
        if (fd >= 0 && (strchr(name, '/') || !*name))
            refuse("a name of more than one part", path, fd, 0);
    }
    if (fd >= 0)
        check_inside("what is made is not in the root", path, fd);
    autoclose_fd(&fd);
    if (entries(outside) != 0)
        refuse("something was made outside", path, fd, 0);
}

static void clear(int directory)
{
    DIR *listing = fdopendir(dup(directory));
    struct dirent *entry;
    rewinddir(listing);
    while ((entry = readdir(listing))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int inner =
            openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner >= 0) {
            clear(inner);
            close(inner);
        }
        unlinkat(directory, entry->d_name, inner >= 0 ? AT_REMOVEDIR : 0);
    }
    closedir(listing);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    memset(long_name, 'x', NAME_MAX + 1);
    /* A tmpfs that nobody else sees and that goes with this process, where that is allowed. */
    bool own = unshare(CLONE_NEWNS) == 0 &&
               mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) == 0 &&
               mount("fuzz", top, "tmpfs", 0, "size=16m") == 0;
    if (!own && !mkdtemp(strcpy(top, "/tmp/hutch-fuzz-XXXXXX")))
        abort();
    snprintf(outside, sizeof(outside), "%s/outside", top);
    snprintf(root_path, sizeof(root_path), "%s/root", top);
    if (mkdir(outside, 0755) < 0 || mkdir(root_path, 0755) < 0)
        abort();
    root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root < 0 || proc < 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct input input = {data, size};
    unsigned made = take(&input) % ENTRIES_MAX, looked = 1 + take(&input) % PATHS_MAX;
    (void)!symlinkat("loop", root, "loop");
    for (unsigned i = 0; i < made && input.left; i++)
        make(&input);
    for (unsigned i = 0; i < looked && input.left; i++)
        resolve(&input);
    int readable = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    clear(readable);
    close(readable);
    return 0;
}
