/*
 * The memory of the interpreter as a part of the executable.
 *
 * The linker puts all variables of the interpreter and of hutch into one part of memory, behind them
 * a heap, and libc's variables elsewhere (native/snapshot.py). The build runs the linked program
 * once: it initialises the interpreter, imports the modules, and writes this part to a file. The
 * build stores it in the executable in place of the first values. So the kernel maps it as it maps
 * the variables of any program, and the program starts where the other one ended.
 *
 * The program is linked for fixed addresses, so all pointers are right. What belongs to libc is made
 * anew: it must not be in the heap, and nothing in the snapshot may point to it.
 *
 * Two builds make the same snapshot: while it is made, the time and the ids of the thread are always
 * the same, there is no time zone, and no file is read (whole.py). What is set anew later would not
 * be enough: memory that was freed is in the snapshot too.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "launcher/snapshot.h"

enum { ALIGNMENT = 16, PAGE = 4096 };

/* The linker script defines them. */
extern char snapshot_start[], snapshot_heap[], snapshot_end[];

static int taken, keeping;
static char *unused = snapshot_heap;

int has_snapshot(void)
{
    return taken;
}

static int is_kept(const void *memory)
{
    return (const char *)memory >= snapshot_heap && (const char *)memory < snapshot_end;
}

/* Memory of the snapshot's heap, with its size in front. It is never used again: little is freed
 * before the snapshot is taken. */
static void *keep(size_t size, size_t alignment)
{
    uintptr_t place = (uintptr_t)unused + sizeof(size_t) + alignment - 1;
    char *memory = (char *)(place & ~(uintptr_t)(alignment - 1));
    if (size > (size_t)(snapshot_end - memory))
        return NULL;
    memcpy(memory - sizeof(size_t), &size, sizeof(size_t));
    unused = memory + size;
    return memory;
}

/* The linker replaces malloc and its kin by these, in libc too (--wrap of ld(1)). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);

void *__wrap_malloc(size_t size)
{
    return keeping ? keep(size, ALIGNMENT) : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (!keeping)
        return __real_calloc(count, size);
    return size && count > SIZE_MAX / size ? NULL : keep(count * size, ALIGNMENT);
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (!memory)
        return __wrap_malloc(size);
    if (!is_kept(memory))
        return __real_realloc(memory, size);
    size_t before;
    memcpy(&before, (char *)memory - sizeof(size_t), sizeof(size_t));
    void *moved = __wrap_malloc(size);
    if (moved)
        memcpy(moved, memory, before < size ? before : size);
    return moved;
}

void __wrap_free(void *memory)
{
    if (!is_kept(memory))
        __real_free(memory);
}

int __real_clock_gettime(clockid_t clock, struct timespec *now);
pthread_t __real_pthread_self(void);
unsigned long __real_PyThread_get_thread_native_id(void);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!keeping)
        return __real_clock_gettime(clock, now);
    *now = (struct timespec){0};
    return 0;
}

int __real_pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes);

/* The place of the stack is another one each time; CPython 3.14 then takes what it has seen. */
int __wrap_pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes)
{
    return keeping ? ENOSYS : __real_pthread_getattr_np(thread, attributes);
}

pthread_t __wrap_pthread_self(void)
{
    return keeping ? 1 : __real_pthread_self();
}

unsigned long __wrap_PyThread_get_thread_native_id(void)
{
    return keeping ? 1 : __real_PyThread_get_thread_native_id();
}

/* The arenas of the interpreter's allocator of small objects. */
static void *new_arena(void *context, size_t size)
{
    (void)context;
    if (keeping)
        return keep(size, PAGE);
    void *arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return arena == MAP_FAILED ? NULL : arena;
}

static void free_arena(void *context, void *arena, size_t size)
{
    (void)context;
    if (!is_kept(arena))
        munmap(arena, size);
}

void keep_memory(void)
{
    PyObjectArenaAllocator arenas = {NULL, new_arena, free_arena};
    PyObject_SetArenaAllocator(&arenas);
    /* libc keeps the time zone, and does not read the environment or /etc/localtime again. */
    setenv("TZ", "UTC0", 1);
    tzset();
    unsetenv("TZ");
    keeping = 1;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t written = write(fd, data, size);
        if (written < 0)
            return 1;
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

int write_snapshot(const char *path)
{
    uintptr_t range[2] = {(uintptr_t)snapshot_start, (uintptr_t)unused};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    taken = 1;
    keeping = 0;
    if (fd < 0 || write_all(fd, (const char *)range, sizeof(range)) ||
        write_all(fd, snapshot_start, range[1] - range[0]) || close(fd)) {
        perror(path);
        return 1;
    }
    return 0;
}
