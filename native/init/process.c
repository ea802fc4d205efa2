/* The last steps before the user's program, and the hooks that run in the container. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

#define PASSWD_MAX (1u << 20)

/* Checks that the working directory is below the root. It may be outside if `cwd` leads through
 * a leaked descriptor (CVE-2024-21626); then getcwd(2) returns a path that does not begin with
 * "/". */
static int inside_root(struct context *context)
{
    char cwd[PATH_MAX];
    long length = syscall(SYS_getcwd, cwd, sizeof(cwd));
    if (length < 0)
        return failed(context, "getcwd");
    return cwd[0] == '/' ? 0 : refused(context, "getcwd", EXDEV, "not inside the container's root");
}

int run_chdir(struct context *context, const struct op_chdir *op)
{
    if (op->retry && !context->cwd_denied)
        return 0;
    if (chdir(op->path) == 0) {
        context->cwd_denied = false;
        return inside_root(context);
    }
    /* On NFS root may have no access where the user has it: tried again with the user's ids. */
    if (!op->retry && (errno == EACCES || errno == EPERM)) {
        context->cwd_denied = true;
        return 0;
    }
    return failed(context, "chdir");
}

/* The home directory of the uid in the text of a passwd file, whose lines have the form
 * "name:password:uid:gid:comment:home:shell" (passwd(5)); NULL if there is none. */
static const char *home_of(char *passwd, uint64_t uid)
{
    for (char *line = passwd, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        char *fields[6];
        int count = 0;
        for (char *field = line; field && count < 6; count++) {
            fields[count] = field;
            field = strchr(field, ':');
            if (field)
                *field++ = 0;
        }
        uint64_t found;
        if (count == 6 && number(fields[2], &found) && found == uid)
            return *fields[5] ? fields[5] : NULL;
    }
    return NULL;
}

/* The image's passwd is hostile input: it is ignored unless it is a regular file of limited size
 * (S-10). */
int run_home(struct context *context, const struct op_home *op)
{
    context->home = "/";
    autoclose int fd =
        beneath_open(context, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, false);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > PASSWD_MAX)
        return 0;
    size_t size = (size_t)status.st_size + 1;
    char *passwd = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (passwd == MAP_FAILED)
        return failed(context, "mmap");
    if (read(fd, passwd, size - 1) > 0) {
        const char *home = home_of(passwd, (uint64_t)op->uid);
        if (home)
            context->home = concatenated((const char *const[]){home, NULL});
    }
    munmap(passwd, size);
    return context->home ? 0 : failed(context, "mmap");
}

static int executable(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode) || faccessat(AT_FDCWD, path, X_OK, 0) < 0)
        return -EACCES;
    return 0;
}

int run_lookup(struct context *context, const struct op_lookup *op)
{
    if (strchr(op->file, '/')) {
        int found = executable(op->file);
        context->executable = op->file;
        /* If chdir failed, a relative path may be in a directory that only the user may enter. */
        return found < 0 && !context->cwd_denied ? refused(context, "stat", -found, op->file) : 0;
    }
    int worst = -ENOENT;
    /* An empty name is not looked up (execvp(3)): the candidates would be the directories. */
    for (const char *part = *op->file ? op->path : ""; *part;) {
        size_t length = strcspn(part, ":");
        char *folder = keep(length + 1);
        if (!folder)
            return failed(context, "mmap");
        memcpy(folder, part, length);
        /* An empty part of PATH is the current directory. */
        const char *const parts[] = {length ? folder : ".", "/", op->file, NULL};
        char *candidate = concatenated(parts);
        if (!candidate)
            return failed(context, "mmap");
        int found = executable(candidate);
        if (found == 0) {
            context->executable = candidate;
            return 0;
        }
        if (found == -EACCES)
            worst = -EACCES;
        part += length;
        part += *part == ':';
    }
    return refused(context, "lookup", -worst, op->file);
}

static int write_all(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t done = write(fd, text, left);
        if (done < 0)
            return -1;
        text += done;
        left -= (size_t)done;
    }
    return 0;
}

/* A file with the container's state, for the hook's standard input. The plan has the text before
 * and after the pid, since the pid is not known before this process runs. */
static int state_file(const struct op_hook *op)
{
    int fd = memfd_create("state", MFD_CLOEXEC);
    char digits[DECIMAL_MAX];
    const char *pid = decimal(digits, (uint64_t)getpid());
    if (fd >= 0 && (write_all(fd, op->state_head) < 0 || write_all(fd, pid) < 0 ||
                    write_all(fd, op->state_tail) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Executes the hook in a child process. If that fails, writes errno to the pipe `error_pipe`, which
 * a successful exec closes. */
static void execute_hook(struct context *context, const struct op_hook *op, int state, int output,
                         int error_pipe)
{
    char **args = list_vector(&op->args);
    char **env = list_vector(&op->env);
    setsid();
    /* The bundle may be in a directory that the container's root user may not enter: the hook then
     * runs in "/". */
    if (*op->cwd && chdir(op->cwd) < 0)
        (void)!chdir("/");
    if (args && env && dup2(state, 0) >= 0 && dup2(output, 1) >= 0 && dup2(output, 2) >= 0) {
        /* The descriptors from base on are close-on-exec; those below it are for the user's
         * program, not for the hook. */
        for (int fd = 3; fd < context->base; fd++)
            close(fd);
        execve(op->path, args, env);
    }
    int error = errno;
    (void)!write(error_pipe, &error, sizeof(error));
    end(127);
}

/* Copies the last lines that a failed hook has written to `detail`, for the error message. */
static void last_lines(int output, char *detail, size_t size)
{
    off_t end = lseek(output, 0, SEEK_END);
    off_t from = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
    ssize_t length = pread(output, detail, size - 1, from);
    if (length < 0)
        length = 0;
    while (length > 0 && detail[length - 1] == '\n')
        length--;
    detail[length] = 0;
    char *line = from > 0 ? strchr(detail, '\n') : NULL; /* the first one may be incomplete */
    if (line)
        memmove(detail, line + 1, strlen(line));
}

int run_hook(struct context *context, const struct op_hook *op)
{
    autoclose int state = state_file(op);
    autoclose int output = memfd_create("hook", MFD_CLOEXEC);
    int ends[2];
    if (state < 0 || output < 0)
        return failed(context, "memfd_create");
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return failed(context, "pipe2");
    autoclose int error_pipe = ends[0];
    pid_t child = fork();
    if (child == 0)
        execute_hook(context, op, state, output, ends[1]);
    close(ends[1]);
    if (child < 0)
        return failed(context, "fork");
    autoclose int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    struct pollfd waiting = {.fd = pidfd, .events = POLLIN};
    const struct timespec most = {.tv_sec = op->timeout};
    int ended = pidfd < 0 ? 1 : ppoll(&waiting, 1, op->timeout > 0 ? &most : NULL, NULL);
    if (ended == 0)
        kill(-child, SIGKILL);
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return failed(context, "waitpid");
    int error;
    if (read(error_pipe, &error, sizeof(error)) == sizeof(error))
        return refused(context, "execve", error, op->path);
    if (ended != 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    char lines[sizeof(context->failure.detail)];
    last_lines(output, lines, sizeof(lines));
    context->failure.part = status;
    return refused(context, "hook", ended == 0 ? ETIMEDOUT : ECANCELED, lines);
}

/* The environment of the program, with HOME added if run_home has found one. */
static char **environment(const struct context *context, const struct list *list)
{
    char **env = list_vector(list);
    if (!env || !context->home)
        return env;
    char *home = concatenated((const char *const[]){"HOME=", context->home, NULL});
    char **longer = keep((list->count + 2) * sizeof(*env));
    if (!home || !longer)
        return NULL;
    memcpy(longer, env, list->count * sizeof(*env));
    longer[list->count] = home;
    return longer;
}

/* Writes to the container's standard error why its program could not be executed, in the words of
 * runc. A write may block, or end this process by SIGPIPE, if nobody reads there: so the caller
 * tells `start` first. */
static void tell_container(const struct context *context, int error)
{
    char reason[128] = "";
    strncpy(reason, strerror(error), sizeof(reason) - 1);
    if (*reason >= 'A' && *reason <= 'Z')
        *reason += 'a' - 'A';
    const char *const parts[] = {"exec ", context->executable, ": ", reason, "\n", NULL};
    for (size_t i = 0; parts[i]; i++)
        if (write_all(2, parts[i]) < 0)
            break;
}

int run_exec(struct context *context, const struct op_exec *op)
{
    char **args = list_vector(&op->args);
    char **env = environment(context, &op->env);
    if (!args || !env)
        return failed(context, "mmap");
    if (!context->filtered)
        close_on_exec(context->base);
    execve(context->executable, args, env);
    int error = errno;
    int result = refused(context, "execve", error, context->executable);
    if (context->started) {
        tell_failure(context);
        tell_container(context, error);
        end(1);
    }
    return result;
}
