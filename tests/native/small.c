/* The program that calls the least: it says that it ran, and ends. Without a library. */
#include <sys/syscall.h>

static long call(long number, long first, const void *second, long third)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
}

void _start(void)
{
    call(SYS_write, 1, "ran\n", 4);
    call(SYS_exit_group, 0, 0, 0);
    __builtin_unreachable();
}
