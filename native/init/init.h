/*
 * hutch-init: the first process of a container. It carries out the operations of a plan in order,
 * and then executes the user's program. All decisions were made when the plan was compiled.
 *
 *   runtime (Python)                               hutch-init
 *     spawn: clone3, execveat of a sealed copy ──▶   checks the plan
 *       AT(barrier)       ◀──────────────────────    stops at a barrier
 *       answer (one byte) ──────────────────────▶    goes on
 *       PID(pid, pidfd)   ◀──────────────────────    goes on as another process (clone)
 *       FD(descriptor)    ◀──────────────────────    sends the master of the console's pty
 *       LISTENER(number)  ◀──────────────────────    seccomp's listener, for the runtime to fetch
 *       ASK(operation)    ◀──────────────────────    may not open the file of the operation
 *       answer, the descriptor ─────────────────▶    uses this descriptor
 *       WARN(as FAIL)     ◀──────────────────────    ignored an error and goes on
 *       FAIL(operation, call, errno, detail) ◀───    an operation failed; exits
 *       end of file       ◀──────────────────────    the program was executed
 *     start: one byte to a fifo ───────────────▶     waits in await_start, then goes on;
 *       FAIL or end of file ◀────────────────────    later messages go to a second fifo
 *
 * After the seccomp filter is loaded, messages use only read and write, which every program calls:
 * the filter comes from the config, and may forbid all other calls.
 *
 * Convention: an operation returns 0 or -errno. If a call fails, `failed(context, "call")` stores
 * its name and errno; Python makes the error message of them. Nothing is printed here.
 * Descriptors declared with `autoclose` are closed at the end of their scope.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "plan.h"

/* Messages, answers and values of arguments, each named in native/wire.def. */
#define ANSWER(name)
#define VALUE(name, number)
#define U32(name)
#define I32(name)
#define TEXT(name, size)
#define MESSAGE(name) MESSAGE_##name,
enum message {
    MESSAGE_NONE,
#include "wire.def"
};
#undef MESSAGE
#undef ANSWER
#define MESSAGE(name)
#define ANSWER(name) ANSWER_##name,
enum {
#include "wire.def"
};
#undef ANSWER
#undef VALUE
#define ANSWER(name)
#define VALUE(name, number) name = number,
enum {
#include "wire.def"
};
#undef VALUE
#undef U32
#undef I32
#undef TEXT
#define VALUE(name, number)
#define U32(name) uint32_t name;
#define I32(name) int32_t name;
#define TEXT(name, size) char name[size];
struct failure {
#include "wire.def"
};
#undef MESSAGE
#undef ANSWER
#undef VALUE
#undef U32
#undef I32
#undef TEXT

struct context {
    int base;               /* the first descriptor that is not for the user's program */
    int sync;               /* the socket to the runtime, later the fifo to `start` */
    int root;               /* the container's root */
    int proc;               /* our procfs */
    int null;               /* the host's /dev/null, verified by its device number */
    int masked;             /* the empty read-only directory that covers masked directories */
    mode_t umask;           /* the umask of the runtime */
    uint64_t *times;        /* when each operation began and ended, for --trace; or NULL */
    size_t timed;           /* the number of operations that `times` has room for */
    bool cwd_denied;        /* chdir failed; it is tried again with the ids of the user */
    bool started;           /* `start` was called; no runtime waits for this process any more */
    bool filtered;          /* a seccomp filter is loaded: it may forbid all calls but execve */
    bool no_openat2;        /* openat2 is missing or forbidden: beneath.c walks the path itself */
    const char *executable; /* the path of the program, found by run_lookup */
    const char *home;       /* the home directory, found by run_home, or NULL */
    struct failure failure;
};

/* The operations' numbers and functions. */
enum {
#define OP(name, members) PLAN_##name,
#include "plan.def"
#undef OP
};
#define OP(name, members) int run_##name(struct context *, const struct op_##name *);
#include "plan.def"
#undef OP

/* failure.c. Stores in the context that `call` failed with errno; returns -errno. */
int failed(struct context *context, const char *call);
/* The same with `error` in place of errno, and a detail for the message (may be NULL). */
int refused(struct context *context, const char *call, int error, const char *detail);
/* Ends this process, also if a seccomp filter forbids exit. */
__attribute__((noreturn)) void end(int code);

/* descriptors.c. Sets close-on-exec on all descriptors from `first` on. */
void close_on_exec(int first);
void autoclose_fd(int *fd);
#define autoclose __attribute__((cleanup(autoclose_fd)))

/* operations.c. Calls the operation's function. 0 or -errno; the failure is in the context. */
int operation_run(struct context *context, const struct operation *operation);

/* trace.c. Stores the time at which an operation begins (place 2 * index) or ends (2 * index +
 * 1). */
void note_time(struct context *context, size_t place);

/* text.c. Zeroed memory that is never freed; NULL if no memory is left. */
void *keep(size_t size);
/* Joins the strings in `parts`, which ends with NULL; the result is in memory from `keep`. */
char *concatenated(const char *const *parts);
enum { DECIMAL_MAX = 24 };
const char *decimal(char text[DECIMAL_MAX], uint64_t value);
/* Whether the text is a decimal number; stores the number in `value`. */
bool number(const char *text, uint64_t *value);

/* sync.c. Messages to the runtime, and its answers. Each returns 0 or -errno. */
int tell_at(struct context *context, uint32_t barrier);
int tell_fd(struct context *context, int fd);
int tell_pid(struct context *context, pid_t pid, int pidfd);
void tell_failure(struct context *context);
void tell_warning(struct context *context, const char *detail);
/* Asks the runtime, which has more rights, to open the file that this operation names. A
 * descriptor, or -errno. */
int ask_source(struct context *context);
int await_answer(struct context *context);
/* Tells the runtime the number of seccomp's listener; sends the descriptor if the runtime cannot
 * fetch it by pidfd_getfd(2). */
int tell_listener(struct context *context, int fd);

/* beneath.c. Only this file resolves paths below the container's root. */
enum { BENEATH_DIRECTORY, BENEATH_FILE };
/* Opens `path` inside the root with `flags` (O_PATH, for example). A descriptor, or -errno. */
int beneath_open(struct context *context, const char *path, int flags, bool nofollow);
/* Opens `path` with O_PATH; a missing directory or empty file is made, with all its parents. */
int beneath_make(struct context *context, const char *path, int kind, mode_t mode, bool nofollow);
/* Opens the parent directory of `path`; follows no symbolic link, and makes missing directories.
 * `*name` becomes the last component. */
int beneath_parent(struct context *context, const char *path, const char **name);

/* Opens a file with O_PATH, to mount over it; makes an empty file if it is missing. Follows no
 * symbolic link. */
int beneath_file(struct context *context, const char *path, mode_t mode);

/* procfs.c */
/* Opens a file of our own procfs; follows no symbolic link out of it, and enters no other mount. */
int proc_open(struct context *context, const char *path, int flags);
/* Writes `value` to such a file in one call. */
int proc_write(struct context *context, const char *path, const char *value, size_t length);

/* copyup.c. `covered` and `mount` are descriptors of directories. */
/* Copies the files in `covered` to the mount that will cover this directory. */
int copy_up(struct context *context, int covered, int mount);
/* Gives the root directory of the mount the mode of `covered`, its owner, or both. */
int take_attributes(struct context *context, int covered, int mount, bool mode, bool owner);

/* hostmounts.c. After the container's root was moved over the host's root (MS_MOVE): covers each
 * proc and sysfs that is mounted outside of the container's root. */
int hide_host_mounts(struct context *context);

/* mounts.c */
int attach(struct context *context, int mount, int target);
int mount_flags(struct context *context, int mount, uint64_t set, uint64_t clear, bool deep);
int mount_propagation(struct context *context, int mount, uint64_t propagation);
int clone_tree(struct context *context, int fd, const char *path, bool recursive);
