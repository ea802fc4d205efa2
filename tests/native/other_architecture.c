/* Makes getpid(2) as a program of 32 bits would, by int 0x80, and says whether it had a result. */
#include <unistd.h>

int main(void)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    return write(1, result > 0 ? "ran\n" : "failed\n", result > 0 ? 4 : 7) < 0;
}
