/*
 * The memory of the interpreter as a part of the executable.
 *
 * The linker puts all variables of the interpreter and of hutch into one part of memory, behind them
 * a heap, and libc's variables elsewhere (native/snapshot.py). The build runs the linked program: it
 * initialises the interpreter, imports the modules, and writes this part to a file. The build stores
 * it in the executable in place of the first values. So the kernel maps it as it maps the variables
 * of any program, and the program starts where the other one ended. Where each object is in the heap
 * is decided by the build, which has run the program before to see which of them verbs change.
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
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "launcher/snapshot.h"

enum { ALIGNMENT = 16, PAGE = 4096, MOST = 1 << 22 };

/* The linker script defines them. */
extern char snapshot_start[], snapshot_heap[], snapshot_end[];

/* One piece of memory that was asked for while the snapshot was made. native/snapshot.py has the same
 * structure. Each time the program makes a snapshot it asks for nearly the same pieces: where objects
 * are decides when the interpreter forgets what it knows of a type, and then frees a name. */
struct piece {
    uint32_t size;  /* bytes */
    uint32_t place; /* in the heap, in units of ALIGNMENT */
    uint32_t freed; /* before the snapshot was taken */
};

/* In front of each piece. */
struct label {
    uint32_t size, number;
};

static int taken, keeping;
static char *unused = snapshot_heap;
static struct piece *pieces; /* in the order in which they were asked for; not in the heap */
static uint32_t count;

/* The places that are given: for each size one after the other, and at last the place behind all. */
static struct piece *given;
static uint32_t given_count;

int has_snapshot(void)
{
    return taken;
}

static int is_kept(const void *memory)
{
    return (const char *)memory >= snapshot_heap && (const char *)memory < snapshot_end;
}

static struct label *label_of(void *memory)
{
    return (struct label *)memory - 1;
}

/* The next given place for a piece of this size, or NULL. ``freed`` says whether it is used. */
static char *next_given(size_t size)
{
    uint32_t low = 0, high = given_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (given[middle].size < size || (given[middle].size == size && given[middle].freed))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == given_count || given[low].size != size)
        return NULL;
    given[low].freed = 1;
    return snapshot_heap + (size_t)given[low].place * ALIGNMENT;
}

/* Memory of the snapshot's heap. None is used twice. */
static void *keep(size_t size)
{
    if (count == MOST || size > UINT32_MAX)
        return NULL;
    char *memory = next_given(size);
    if (!memory) {
        uintptr_t first = (uintptr_t)unused + sizeof(struct label) + ALIGNMENT - 1;
        memory = (char *)(first & ~(uintptr_t)(ALIGNMENT - 1));
        if (memory >= snapshot_end || size > (size_t)(snapshot_end - memory))
            return NULL;
        unused = memory + size;
    }
    uint32_t place = (uint32_t)((memory - snapshot_heap) / ALIGNMENT);
    pieces[count] = (struct piece){(uint32_t)size, place, 0};
    *label_of(memory) = (struct label){(uint32_t)size, count++};
    return memory;
}

/* The linker replaces malloc and its kin by these, in libc too (--wrap of ld(1)). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);

void *__wrap_malloc(size_t size)
{
    return keeping ? keep(size) : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (!keeping)
        return __real_calloc(count, size);
    return size && count > SIZE_MAX / size ? NULL : keep(count * size);
}

void __wrap_free(void *memory);

void *__wrap_realloc(void *memory, size_t size)
{
    if (!memory)
        return __wrap_malloc(size);
    if (!is_kept(memory))
        return __real_realloc(memory, size);
    size_t before = label_of(memory)->size;
    void *moved = __wrap_malloc(size);
    if (moved) {
        memcpy(moved, memory, before < size ? before : size);
        __wrap_free(memory);
    }
    return moved;
}

void __wrap_free(void *memory)
{
    if (!is_kept(memory))
        __real_free(memory);
    else if (keeping)
        pieces[label_of(memory)->number].freed = 1;
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

/* The stack of the interpreter, and after the snapshot the memory of its allocator of small objects. */
static void *new_arena(void *context, size_t size)
{
    (void)context;
    if (keeping)
        return keep(size);
    void *arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return arena == MAP_FAILED ? NULL : arena;
}

static void free_arena(void *context, void *arena, size_t size)
{
    (void)context;
    if (!is_kept(arena))
        munmap(arena, size);
}

/* Objects are given to the heap one by one, and not through the interpreter's own allocator, which is
 * used again after the snapshot. */
static PyMemAllocatorEx usual[2];
static const PyMemAllocatorDomain domains[2] = {PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ};

/* Reads the places of pieces. */
static int read_places(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, given, MOST * sizeof(struct piece));
    if (size < (ssize_t)sizeof(struct piece)) {
        perror(path);
        return 1;
    }
    close(fd);
    given_count = (uint32_t)((size_t)size / sizeof(struct piece)) - 1;
    unused = snapshot_heap + (size_t)given[given_count].place * ALIGNMENT;
    return 0;
}

int keep_memory(const char *places)
{
    PyObjectArenaAllocator arenas = {NULL, new_arena, free_arena};
    PyMemAllocatorEx simple;
    pieces = mmap(NULL, 2 * MOST * sizeof(struct piece), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    given = pieces + MOST;
    if (pieces == MAP_FAILED || (places && read_places(places)))
        return 1;
    PyObject_SetArenaAllocator(&arenas);
    PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &simple);
    for (int i = 0; i < 2; i++) {
        PyMem_GetAllocator(domains[i], &usual[i]);
        PyMem_SetAllocator(domains[i], &simple);
    }
    /* libc keeps the time zone, and does not read the environment or /etc/localtime again. */
    setenv("TZ", "UTC0", 1);
    tzset();
    unsetenv("TZ");
    keeping = 1;
    return 0;
}

static int write_file(const char *path, const void *first, size_t first_size, const char *data,
                      size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ssize_t written = fd < 0 ? -1 : write(fd, first, first_size);
    while (written >= 0 && size) {
        written = write(fd, data, size);
        data += written;
        size -= (size_t)written;
    }
    if (written >= 0 && close(fd) == 0)
        return 0;
    perror(path);
    return 1;
}

/* The interpreter's own allocator comes back. It keeps its first arena, which is also in the heap. */
static void end_keeping(void)
{
    for (int i = 0; i < 2; i++)
        PyMem_SetAllocator(domains[i], &usual[i]);
    PyObject_Malloc(1);
    keeping = 0;
    taken = 1;
}

/* The end of the last page of what is in use. */
static char *end_of_heap(void)
{
    char *end = snapshot_heap;
    for (uint32_t i = 0; i < count; i++) {
        char *behind = snapshot_heap + (size_t)pieces[i].place * ALIGNMENT + pieces[i].size;
        if (!pieces[i].freed && behind > end)
            end = behind;
    }
    return end + (PAGE - (uintptr_t)end % PAGE) % PAGE;
}

int write_pieces(const char *path)
{
    end_keeping();
    return write_file(path, pieces, count * sizeof(struct piece), NULL, 0);
}

int write_snapshot(const char *path, const char *asked)
{
    if (write_pieces(asked))
        return 1;
    char *end = end_of_heap();
    uintptr_t range[2] = {(uintptr_t)snapshot_start, (uintptr_t)end};
    pieces = given = NULL;
    given_count = count = 0;
    unused = snapshot_heap;
    return write_file(path, range, sizeof(range), snapshot_start, range[1] - range[0]);
}

/* A byte for each page of the heap: whether it was written to. In a file that others read. */
static volatile unsigned char *changed;

static void note_change(int number, siginfo_t *about, void *context)
{
    (void)number, (void)context;
    char *memory = about->si_addr;
    if (!is_kept(memory)) {
        signal(SIGSEGV, SIG_DFL);
        return;
    }
    size_t page = (size_t)(memory - snapshot_heap) / PAGE;
    changed[page] = 1;
    mprotect(snapshot_heap + page * PAGE, PAGE, PROT_READ | PROT_WRITE);
}

int note_changes(const char *path)
{
    end_keeping();
    size_t size = (size_t)(end_of_heap() - snapshot_heap);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0 && ftruncate(fd, (off_t)(size / PAGE)) == 0)
        changed = mmap(NULL, size / PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!changed || changed == MAP_FAILED) {
        perror(path);
        return 1;
    }
    close(fd);
    struct sigaction action = {.sa_sigaction = note_change, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGSEGV, &action, NULL);
    return mprotect(snapshot_heap, size, PROT_READ);
}
