/* A disk that takes longer to sync, between a program and the C library: loaded with LD_PRELOAD.
 * SYNC_DELAY_US  microseconds that each fsync and fdatasync takes longer */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static int after_delay(const char *name, int fd) {
    const char *asked = getenv("SYNC_DELAY_US");
    long us = asked ? atol(asked) : 0;
    struct timespec left = {us / 1000000, us % 1000000 * 1000};
    while (nanosleep(&left, &left) && errno == EINTR) {}
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return real(fd);
}

int fdatasync(int fd) { return after_delay("fdatasync", fd); }

int fsync(int fd) { return after_delay("fsync", fd); }
