/*
 * The form of a plan in memory: a header, then one record for each operation, little-endian.
 *
 *   header   u32 magic "HUTC", u16 version, u16 zero, u32 length of all, u32 number of records
 *   record   u16 operation, u16 zero, u32 length of what follows, arguments
 *   INT      i64                          STR    u32 length, bytes, NUL
 *   BYTES    u32 length, bytes            LIST   u32 count, then each as STR
 *
 * All records are checked before the first operation is carried out (S-40). The whole plan is
 * invalid if a string is longer than its record, contains a NUL or does not end with one, if a
 * record does not end where its last argument ends, or if there are bytes after the last record.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC 0x43545548u
#define PLAN_VERSION 1
#define PLAN_MAX (16u << 20)

/* Strings that follow each other in the plan, each with its length before it. */
struct list {
    const unsigned char *first;
    size_t count;
};

struct bytes {
    const unsigned char *data;
    size_t length;
};

/* Every member of an operation's struct fills one or two 64-bit cells, so that one decoder can fill
 * the structs of all operations. */
#define CELL __attribute__((aligned(8)))
#define INT(name) int64_t name CELL;
#define STR(name) const char *name CELL;
#define LIST(name) struct list name CELL;
#define BYTES(name) struct bytes name CELL;
#define FLAG(name) INT(name)
#define LATE_INT(name) INT(name)
#define LATE_STR(name) STR(name)
#define OP(name, members)                                                                          \
    struct op_##name {                                                                             \
        members                                                                                    \
    };
#include "plan.def"
#undef OP
#undef INT
#undef STR
#undef LIST
#undef BYTES
#undef FLAG
#undef LATE_INT
#undef LATE_STR

#define OPERATION_CELLS 16

struct operation {
    unsigned code;
    uint64_t cells[OPERATION_CELLS] CELL;
};

struct plan {
    const unsigned char *next;
    const unsigned char *end;
    uint32_t left;
};

/* Checks the whole plan and leaves `plan` before its first operation. 0 or -EBADMSG. */
int plan_open(struct plan *plan, const unsigned char *data, size_t length);

/* Decodes the next operation. 1, or 0 at the end, or -EBADMSG. */
int plan_next(struct plan *plan, struct operation *operation);

/* The list as a NULL-terminated array in memory from `keep`; NULL if no memory is left. */
char **list_vector(const struct list *list);
