/* The probe: a static program that runs in a container or as a hook, and reports in JSON. */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* json.c: writes JSON to a buffer, which is written to the output in one call. */
void json_open(const char *key, char bracket);
void json_close(char bracket);
void json_text(const char *key, const char *value);
void json_bytes(const char *key, const char *value, size_t length);
void json_number(const char *key, long long value);
void json_unsigned(const char *key, unsigned long long value);
void json_write(int fd);

/* facts.c: reports the attributes of this process. */
void facts(void);

/* deeds.c: does the deed "what:argument" and reports its result. 0, or -1 for an unknown deed. */
int deed(const char *words);

#endif
