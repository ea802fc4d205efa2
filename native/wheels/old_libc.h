/* What the C libraries lack for which the extensions of wheels are built: glibc 2.17, and musl before
 * it knew all of struct statx. It is included before each source. */
#include <linux/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __GLIBC__ /* the kernel's structure takes the place of musl's */
#define statx statx_of_libc
#define statx_timestamp statx_timestamp_of_libc
#include <sys/stat.h>
#undef statx
#undef statx_timestamp
#undef STATX_ALL
#endif
#include <linux/stat.h>

static inline int statx(int folder, const char *path, int flags, unsigned int mask,
                        struct statx *found)
{
    return (int)syscall(SYS_statx, folder, path, flags, mask, found);
}

#ifdef __GLIBC__
static inline int memfd_create(const char *name, unsigned int flags)
{
    return (int)syscall(SYS_memfd_create, name, flags);
}
#endif
