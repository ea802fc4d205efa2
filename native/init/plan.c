#include "plan.h"

#include <errno.h>
#include <string.h>

#include "init.h"

/* The arguments of each operation, one letter for each. */
#define INT(name) "i"
#define STR(name) "s"
#define LIST(name) "l"
#define BYTES(name) "b"
#define FLAG(name) INT(name)
#define LATE_INT(name) INT(name)
#define LATE_STR(name) STR(name)
#define OP(name, members) "" members,
static const char *const signatures[] = {
#include "plan.def"
};
#undef OP
#undef INT
#undef STR
#undef LIST
#undef BYTES
#undef FLAG
#undef LATE_INT
#undef LATE_STR

#define OPERATIONS (sizeof(signatures) / sizeof(signatures[0]))

static uint32_t read_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static unsigned read_u16(const unsigned char *at)
{
    return (unsigned)at[0] | (unsigned)at[1] << 8;
}

static uint64_t read_u64(const unsigned char *at)
{
    return (uint64_t)read_u32(at) | (uint64_t)read_u32(at + 4) << 32;
}

/* The string at `*at`: its only NUL must be its last byte, before `end`. Moves `*at` past it. NULL
 * if the string is invalid. */
static const char *take_string(const unsigned char **at, const unsigned char *end)
{
    if (end - *at < 5)
        return NULL;
    size_t length = read_u32(*at);
    const unsigned char *text = *at + 4;
    if (length >= (size_t)(end - text) || memchr(text, 0, length + 1) != text + length)
        return NULL;
    *at = text + length + 1;
    return (const char *)text;
}

static int take_list(const unsigned char **at, const unsigned char *end, uint64_t *cells)
{
    if (end - *at < 4)
        return -EBADMSG;
    size_t count = read_u32(*at);
    *at += 4;
    cells[0] = (uint64_t)(uintptr_t)*at;
    cells[1] = count;
    for (size_t i = 0; i < count; i++)
        if (!take_string(at, end))
            return -EBADMSG;
    return 0;
}

static int take_bytes(const unsigned char **at, const unsigned char *end, uint64_t *cells)
{
    if (end - *at < 4)
        return -EBADMSG;
    size_t length = read_u32(*at);
    *at += 4;
    if (length > (size_t)(end - *at))
        return -EBADMSG;
    cells[0] = (uint64_t)(uintptr_t)*at;
    cells[1] = length;
    *at += length;
    return 0;
}

int plan_next(struct plan *plan, struct operation *operation)
{
    if (plan->left == 0)
        return plan->next == plan->end ? 0 : -EBADMSG;
    if (plan->end - plan->next < 8)
        return -EBADMSG;
    operation->code = read_u16(plan->next);
    size_t length = read_u32(plan->next + 4);
    const unsigned char *at = plan->next + 8;
    if (operation->code >= OPERATIONS || read_u16(plan->next + 2) != 0 ||
        length > (size_t)(plan->end - at))
        return -EBADMSG;
    const unsigned char *end = at + length;
    uint64_t *cell = operation->cells;
    for (const char *kind = signatures[operation->code]; *kind; kind++) {
        if (cell + 2 > operation->cells + OPERATION_CELLS)
            return -EBADMSG;
        switch (*kind) {
        case 'i':
            if (end - at < 8)
                return -EBADMSG;
            *cell++ = read_u64(at);
            at += 8;
            break;
        case 's':
            if (!(*cell++ = (uint64_t)(uintptr_t)take_string(&at, end)))
                return -EBADMSG;
            break;
        case 'l':
            if (take_list(&at, end, cell) < 0)
                return -EBADMSG;
            cell += 2;
            break;
        case 'b':
            if (take_bytes(&at, end, cell) < 0)
                return -EBADMSG;
            cell += 2;
            break;
        }
    }
    if (at != end)
        return -EBADMSG;
    plan->next = end;
    plan->left--;
    return 1;
}

int plan_open(struct plan *plan, const unsigned char *data, size_t length)
{
    if (length < 16 || length > PLAN_MAX || read_u32(data) != PLAN_MAGIC ||
        read_u16(data + 4) != PLAN_VERSION || read_u16(data + 6) != 0 ||
        read_u32(data + 8) != length)
        return -EBADMSG;
    *plan = (struct plan){.next = data + 16, .end = data + length, .left = read_u32(data + 12)};
    struct plan rest = *plan;
    struct operation operation;
    int more;
    while ((more = plan_next(&rest, &operation)) > 0)
        ;
    return more;
}

char **list_vector(const struct list *list)
{
    char **vector = keep((list->count + 1) * sizeof(*vector));
    const unsigned char *at = list->first;
    for (size_t i = 0; vector && i < list->count; i++) {
        size_t length = read_u32(at);
        vector[i] = (char *)(uintptr_t)(at + 4);
        at += 4 + length + 1;
    }
    return vector;
}
