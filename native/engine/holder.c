/*
 * warren-holder DESCRIPTOR: keeps the namespaces of an ordinary user's containers, in which it is
 * executed, as long as it lives. It writes a byte to DESCRIPTOR when it is there.
 */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 125;
    int ready = atoi(argv[1]);
    if (write(ready, "", 1) != 1)
        return 1;
    close(ready);
    for (;;)
        pause();
}
