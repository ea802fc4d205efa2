/*
 * hutch-init: the first process of a container. It carries a plan out, one operation after another,
 * and executes the user's program. It decides nothing.
 *
 *   runtime (Python)                               hutch-init
 *     spawn: clone3, execveat of a sealed copy ──▶   checks the plan
 *       AT(barrier)       ◀──────────────────────    stops at a barrier
 *       answer (one byte) ──────────────────────▶    goes on
 *       PID(pid, pidfd)   ◀──────────────────────    goes on as another process (clone)
 *       FD(descriptor)    ◀──────────────────────    the console's master
 *       LISTENER(number)  ◀──────────────────────    seccomp's listener, for the runtime to fetch
 *       ASK(operation)    ◀──────────────────────    may not open what the operation names
 *       answer, the descriptor ─────────────────▶    goes on with it
 *       WARN(as FAIL)     ◀──────────────────────    something is passed over
 *       FAIL(operation, call, errno, detail) ◀───    an operation failed; exits
 *       end of file       ◀──────────────────────    the program was executed
 *     start: one byte to a fifo ───────────────▶     waits in await_start, then goes on;
 *       FAIL or end of file ◀────────────────────    what follows is told on another fifo
 *
 * From the filter on, all of this takes read and write alone, which every program calls: the filter
 * is the container's, and may forbid the rest.
 *
 * Convention: an operation returns 0 or -errno. Where a call fails, `failed(context, "call")` notes
 * its name and errno for the sentence that Python makes of it. Nothing is printed here, and
 * descriptors are closed by their scope (`autoclose`).
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
    int base;               /* descriptors from here on are the runtime's own */
    int sync;               /* to the runtime, or to the one who called `start` */
    int root;               /* the container's root */
    int proc;               /* our procfs */
    int null;               /* the host's /dev/null, verified */
    int masked;             /* the empty read-only directory that covers masked ones */
    mode_t umask;           /* as the runtime had it */
    uint64_t *times;        /* when each operation began and ended, if the runtime wants to know */
    size_t timed;           /* how many there is room for */
    bool cwd_denied;        /* chdir wants another try as the user */
    bool started;           /* `start` was called: the container is created, and on its own */
    bool filtered;          /* a seccomp filter is loaded: no call but execve is sure to work */
    bool no_openat2;        /* the kernel lacks it or a filter forbids it: walk ourselves */
    const char *executable; /* found by lookup */
    const char *home;       /* found by home, or NULL */
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

/* failure.c. Notes that `call` failed with errno; returns -errno. */
int failed(struct context *context, const char *call);
/* The same with an errno of our own, and a detail (may be NULL). */
int refused(struct context *context, const char *call, int error, const char *detail);
/* The end of this process, whatever the filter forbids. */
__attribute__((noreturn)) void end(int code);

/* descriptors.c. Sets close-on-exec on all descriptors from `first` on. */
void close_on_exec(int first);
void autoclose_fd(int *fd);
#define autoclose __attribute__((cleanup(autoclose_fd)))

/* operations.c: calls the operation's function. 0 or -errno; what failed is in the context. */
int operation_run(struct context *context, const struct operation *operation);

/* trace.c: notes that an operation begins (place 2 * index) or ends (one more). */
void note_time(struct context *context, size_t place);

/* text.c. Memory from `keep` is zero, and the process's for good; NULL if there is none left. */
void *keep(size_t size);
/* The parts, up to a NULL, as one string from `keep`. */
char *concatenated(const char *const *parts);
enum { DECIMAL_MAX = 24 };
const char *decimal(char text[DECIMAL_MAX], uint64_t value);
/* Whether the text is a number, and which. */
bool number(const char *text, uint64_t *value);

/* sync.c: the runtime's side of things. Each returns 0 or -errno. */
int tell_at(struct context *context, uint32_t barrier);
int tell_fd(struct context *context, int fd);
int tell_pid(struct context *context, pid_t pid, int pidfd);
void tell_failure(struct context *context);
void tell_warning(struct context *context, const char *detail);
/* The runtime's descriptor of the file that this operation names, or -errno: it may see more. */
int ask_source(struct context *context);
int await_answer(struct context *context);
/* Has the runtime fetch seccomp's listener; sends it where the runtime may not. */
int tell_listener(struct context *context, int fd);

/* beneath.c: the one place that resolves paths below the container's root. */
enum { BENEATH_DIRECTORY, BENEATH_FILE };
/* An O_PATH descriptor (or `flags`) of what `path` names inside the root, or -errno. */
int beneath_open(struct context *context, const char *path, int flags, bool nofollow);
/* The same; a missing directory or empty file, and all directories above, are made. */
int beneath_make(struct context *context, const char *path, int kind, mode_t mode, bool nofollow);
/* The directory that holds `path`, made if missing, no symbolic link on the way; `*name` is the
 * last component. */
int beneath_parent(struct context *context, const char *path, const char **name);

/* An O_PATH descriptor of a file to mount over, made empty if there is none; what is there is not
 * opened, and no symbolic link is followed. */
int beneath_file(struct context *context, const char *path, mode_t mode);

/* procfs.c */
/* Opens a file of our own procfs: no symbolic link that leaves it, no other mount. */
int proc_open(struct context *context, const char *path, int flags);
/* Writes `value` to it in one call. */
int proc_write(struct context *context, const char *path, const char *value, size_t length);

/* copyup.c. Both are descriptors of directories. */
/* Copies what is in `covered` to the mount that is to cover it. */
int copy_up(struct context *context, int covered, int mount);
/* Gives the mount's root the mode of `covered`, or its owner, or both. */
int take_attributes(struct context *context, int covered, int mount, bool mode, bool owner);

/* hostmounts.c: after the container's root was moved over the host's, takes away or covers the proc
 * and sysfs that are mounted outside of it. */
int hide_host_mounts(struct context *context);

/* mounts.c */
int attach(struct context *context, int mount, int target);
int mount_flags(struct context *context, int mount, uint64_t set, uint64_t clear, bool deep);
int mount_propagation(struct context *context, int mount, uint64_t propagation);
int clone_tree(struct context *context, int fd, const char *path, bool recursive);
