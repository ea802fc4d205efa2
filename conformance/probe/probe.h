/* A probe: a static program that says in JSON what it finds, from inside a container or a hook. */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* json.c: one object or array after another, into a buffer that is written once. */
void json_open(const char *key, char bracket);
void json_close(char bracket);
void json_text(const char *key, const char *value);
void json_bytes(const char *key, const char *value, size_t length);
void json_number(const char *key, long long value);
void json_unsigned(const char *key, unsigned long long value);
void json_write(int fd);

/* facts.c: what holds for this process. */
void facts(void);

/* deeds.c: "what:argument" is done, and how it ended is told. 0, or -1 for a deed not known. */
int deed(const char *words);

#endif
