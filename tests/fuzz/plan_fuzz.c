/* The plan decoder: whatever it takes must lie inside what it was given, and end where that ends. */
#include "init/plan.c"

#include <stdio.h>
#include <stdlib.h>

static void *kept[4096];
static size_t keeps;

/* Memory that AddressSanitizer watches, freed after each input. */
void *keep(size_t size)
{
    if (keeps == sizeof(kept) / sizeof(kept[0]) || size > (64u << 20))
        return NULL;
    return kept[keeps++] = calloc(1, size);
}

static const unsigned char *first, *last;
static volatile uint64_t sum;

static void inside(const void *at, size_t length)
{
    const unsigned char *from = at;
    if (from < first || length > (size_t)(last - from))
        abort();
    for (size_t i = 0; i < length; i++)
        sum += from[i];
}

static void use(const struct operation *operation)
{
    const uint64_t *cell = operation->cells;
    for (const char *kind = signatures[operation->code]; *kind; kind++) {
        if (*kind == 'i') {
            sum += *cell++;
        } else if (*kind == 's') {
            const char *text = (const char *)(uintptr_t)*cell++;
            inside(text, strlen(text) + 1);
        } else if (*kind == 'b') {
            inside((const void *)(uintptr_t)cell[0], cell[1]);
            cell += 2;
        } else {
            struct list list = {(const unsigned char *)(uintptr_t)cell[0], cell[1]};
            char **vector = list_vector(&list);
            for (size_t i = 0; vector && i < list.count; i++)
                inside(vector[i], strlen(vector[i]) + 1);
            if (vector && vector[list.count])
                abort();
            cell += 2;
        }
    }
}

static void write_u32(unsigned char *at, size_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size < 17)
        return 0;
    /* Every other input gets the right length in its header, to come to what is behind that. */
    size_t length = size - 1;
    unsigned char *copy = malloc(length);
    memcpy(copy, data + 1, length);
    if (data[0] & 1) {
        write_u32(copy, PLAN_MAGIC);
        write_u32(copy + 4, PLAN_VERSION);
        write_u32(copy + 8, length);
    }
    first = copy;
    last = copy + length;
    struct plan plan;
    if (plan_open(&plan, copy, length) == 0) {
        struct operation operation;
        uint32_t wanted = plan.left, found = 0;
        while (plan_next(&plan, &operation) > 0) {
            found++;
            use(&operation);
        }
        if (found != wanted || plan.next != last)
            abort();
    }
    free(copy);
    while (keeps > 0)
        free(kept[--keeps]);
    return 0;
}
