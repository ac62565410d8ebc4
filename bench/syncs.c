/* Syncs of a program, counted and made to take longer; loaded with LD_PRELOAD between the program and
 * the C library.
 * SYNC_DELAY_US   microseconds that each fsync and fdatasync takes longer; none when unset
 * SYNC_COUNTS     a file of two 64-bit numbers that grow: groups of the log, syncs of any file
 * SYNC_COUNTS_OF  the log: files ending in `.log` whose path begins so
 * SYNC_COUNTS_NO  the thread whose syncs of the log are no groups: it writes zeros ahead */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static uint64_t *counts;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SYNC_COUNTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *shared = mmap(NULL, 2 * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared != MAP_FAILED) counts = shared;
    close(fd);
}

static int is_group(int fd) {
    const char *log = getenv("SYNC_COUNTS_OF"), *other = getenv("SYNC_COUNTS_NO");
    char thread[16] = "", link[40], path[PATH_MAX];
    if (other && !prctl(PR_GET_NAME, thread) && !strcmp(thread, other)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = log ? readlink(link, path, sizeof path) : -1;
    return length > 4 && !memcmp(path + length - 4, ".log", 4)
        && (size_t)length > strlen(log) && !memcmp(path, log, strlen(log));
}

static int sync_after_all(const char *name, int fd) {
    if (counts) {
        if (is_group(fd)) __atomic_fetch_add(&counts[0], 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&counts[1], 1, __ATOMIC_RELAXED);
    }
    const char *asked = getenv("SYNC_DELAY_US");
    long us = asked ? atol(asked) : 0;
    struct timespec left = {us / 1000000, us % 1000000 * 1000};
    while (us > 0 && nanosleep(&left, &left) && errno == EINTR) {}
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return real(fd);
}

int fdatasync(int fd) { return sync_after_all("fdatasync", fd); }

int fsync(int fd) { return sync_after_all("fsync", fd); }
