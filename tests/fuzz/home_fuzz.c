/* What is read of an image's passwd. */
#include "init/process.c"

#include <stdlib.h>

#define STUB(declaration)                                                                          \
    declaration                                                                                    \
    {                                                                                              \
        abort();                                                                                   \
    }
STUB(int refused(struct context *c, const char *s, int e, const char *d))
STUB(int failed(struct context *c, const char *s))
STUB(void close_on_exec(int first))
STUB(void autoclose_fd(int *fd))
STUB(char **list_vector(const struct list *list))
STUB(int beneath_open(struct context *c, const char *p, int f, bool n))

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    /* As run_home reads it: a zero byte behind, and perhaps others within. */
    char *passwd = malloc(size + 1);
    memcpy(passwd, data, size);
    passwd[size] = 0;
    const char *home = home_of(passwd, 1000);
    if (home && (home < passwd || home + strlen(home) > passwd + size || !*home))
        abort();
    free(passwd);
    return 0;
}
