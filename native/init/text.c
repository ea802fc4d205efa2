/* Memory and numbers without malloc and printf of the C library: these would make the program half
 * as large again, and each container that waits for its start keeps all of its pages in memory. */
#include <string.h>
#include <sys/mman.h>

#include "init.h"

#define CHUNK (64u << 10)

void *keep(size_t size)
{
    static char *next, *end;
    size = (size + 15) & ~(size_t)15;
    if (size > (size_t)(end - next)) {
        size_t chunk = size > CHUNK ? size : CHUNK;
        void *memory =
            mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return NULL;
        next = memory;
        end = next + chunk;
    }
    void *result = next;
    next += size;
    return result;
}

char *concatenated(const char *const *parts)
{
    size_t length = 1;
    for (int i = 0; parts[i]; i++)
        length += strlen(parts[i]);
    char *result = keep(length);
    char *at = result;
    for (int i = 0; result && parts[i]; i++) {
        size_t part = strlen(parts[i]);
        memcpy(at, parts[i], part);
        at += part;
    }
    return result;
}

const char *decimal(char text[DECIMAL_MAX], uint64_t value)
{
    char *at = text + DECIMAL_MAX - 1;
    *at = 0;
    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    return at;
}

bool number(const char *text, uint64_t *value)
{
    *value = 0;
    if (!*text || strlen(text) > 18)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        *value = *value * 10 + (uint64_t)(*text - '0');
    }
    return true;
}
