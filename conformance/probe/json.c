#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

static char buffer[1 << 20];
static size_t used;
static bool first = true;

static void put(const char *text, size_t length)
{
    if (used + length <= sizeof(buffer)) {
        memcpy(buffer + used, text, length);
        used += length;
    }
}

static void quoted(const char *value, size_t length)
{
    put("\"", 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)value[i];
        char escape[8];
        if (byte >= 0x20 && byte != '"' && byte != '\\' && byte < 0x7f)
            put(value + i, 1);
        else
            put(escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", byte));
    }
    put("\"", 1);
}

/* Bytes above 0x7e are written as characters from U+007F on: the reader encodes them as Latin-1. */
static void before(const char *key)
{
    if (!first)
        put(",", 1);
    first = false;
    if (key) {
        quoted(key, strlen(key));
        put(":", 1);
    }
}

void json_open(const char *key, char bracket)
{
    before(key);
    put(&bracket, 1);
    first = true;
}

void json_close(char bracket)
{
    put(&bracket, 1);
    first = false;
}

void json_bytes(const char *key, const char *value, size_t length)
{
    before(key);
    quoted(value, length);
}

void json_text(const char *key, const char *value)
{
    if (value) {
        json_bytes(key, value, strlen(value));
        return;
    }
    before(key);
    put("null", 4);
}

void json_number(const char *key, long long value)
{
    char digits[32];
    before(key);
    put(digits, (size_t)snprintf(digits, sizeof(digits), "%lld", value));
}

void json_unsigned(const char *key, unsigned long long value)
{
    char digits[32];
    before(key);
    put(digits, (size_t)snprintf(digits, sizeof(digits), "%llu", value));
}

void json_write(int fd)
{
    put("\n", 1);
    for (size_t done = 0; done < used;) {
        ssize_t count = write(fd, buffer + done, used - done);
        if (count < 0)
            _exit(125);
        done += (size_t)count;
    }
    used = 0;
    first = true;
}
