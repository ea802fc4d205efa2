/*
 * warren-probe NAMESPACE TCP-SOCKET HOST PORT
 * warren-probe NAMESPACE HTTP-GET HOST PORT PATH [HEADER...]
 *
 * Checks, in a container's network namespace (the file NAMESPACE), that something accepts
 * connections, or that it answers a GET of HTTP with a status from 200 to 399. HOST "" is the
 * container's own address: that of its first interface but the loopback, which is taken if there is
 * no other. Exits with 0 if all is well, else with 1 and the reason on standard output. warren-health
 * runs it, and ends it after the time-out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 8192 /* bytes of a request, and of an answer that are read */

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

/* The container's own address as text, of IPv4 if there is one. */
static void own_address(char text[INET6_ADDRSTRLEN])
{
    struct ifaddrs *all;
    snprintf(text, INET6_ADDRSTRLEN, "127.0.0.1");
    if (getifaddrs(&all) < 0)
        return;
    for (int pass = 0; pass < 2; pass++) {
        int family = pass ? AF_INET6 : AF_INET;
        for (struct ifaddrs *one = all; one; one = one->ifa_next) {
            if (!one->ifa_addr || one->ifa_addr->sa_family != family ||
                one->ifa_flags & IFF_LOOPBACK)
                continue;
            const void *address =
                family == AF_INET
                    ? (const void *)&((const struct sockaddr_in *)(void *)one->ifa_addr)->sin_addr
                    : (const void *)&((const struct sockaddr_in6 *)(void *)one->ifa_addr)
                          ->sin6_addr;
            if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)address))
                continue;
            inet_ntop(family, address, text, INET6_ADDRSTRLEN);
            freeifaddrs(all);
            return;
        }
    }
    freeifaddrs(all);
}

static int connected(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error)
        fail("%s: %s", host, gai_strerror(error));
    int reason = 0;
    for (struct addrinfo *one = found; one; one = one->ai_next) {
        int fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) == 0)
            return fd;
        reason = errno;
        close(fd);
    }
    fail("connect to %s port %s: %s", host, port, strerror(reason));
}

static void write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t done = send(fd, data, size, MSG_NOSIGNAL);
        if (done < 0)
            fail("send: %s", strerror(errno));
        data += done;
        size -= (size_t)done;
    }
}

/* Asks for a path; fails unless the status is that of a success. */
static void get(int fd, const char *host, const char *port, char **more)
{
    char text[MOST];
    const char *brackets = strchr(host, ':') ? "[]" : "";
    bool named = false;
    int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n", more[0]);
    for (char **header = more + 1; *header && size < MOST; header++) {
        named = named || strncasecmp(*header, "Host:", 5) == 0;
        size += snprintf(text + size, sizeof text - (size_t)size, "%s\r\n", *header);
    }
    if (size < MOST && !named)
        size += snprintf(text + size, sizeof text - (size_t)size, "Host: %.1s%s%s:%s\r\n", brackets,
                         host, *brackets ? brackets + 1 : "", port);
    if (size < MOST)
        size += snprintf(text + size, sizeof text - (size_t)size,
                         "User-Agent: warren-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    if (size >= MOST)
        fail("the request is too long");
    write_all(fd, text, (size_t)size);
    size_t length = 0;
    while (length < sizeof text - 1 && !memchr(text, '\n', length)) {
        ssize_t done = recv(fd, text + length, sizeof text - 1 - length, 0);
        if (done < 0)
            fail("receive: %s", strerror(errno));
        if (done == 0)
            break;
        length += (size_t)done;
    }
    text[length] = 0;
    int status;
    if (sscanf(text, "HTTP/%*d.%*d %3d", &status) != 1 &&
        sscanf(text, "HTTP/%*d %3d", &status) != 1)
        fail("the answer is not one of HTTP");
    if (status < 200 || status > 399)
        fail("HTTP status %d", status);
    printf("HTTP status %d\n", status);
}

int main(int argc, char **argv)
{
    bool http = argc > 2 && strcmp(argv[2], "HTTP-GET") == 0;
    if (argc < (http ? 6 : 5)) {
        dprintf(2,
                "usage: warren-probe NAMESPACE TCP-SOCKET|HTTP-GET HOST PORT [PATH [HEADER...]]\n");
        return 125;
    }
    int space = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNET) < 0)
        fail("enter the network namespace: %s", strerror(errno));
    char own[INET6_ADDRSTRLEN];
    const char *host = argv[3];
    if (!*host) {
        own_address(own);
        host = own;
    }
    int fd = connected(host, argv[4]);
    if (http)
        get(fd, host, argv[4], argv + 5);
    return 0;
}
