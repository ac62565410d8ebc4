/* What a disk or a clock does wrong, between a program and the C library: loaded with LD_PRELOAD.
 * FAULT_PATH   only files whose path holds this
 * FAULT_CALL   "sync", "write", "read" or "grow" (a write beyond the end of the file)
 * FAULT_ERROR  number of the error that such calls give; a failing write first writes a half
 * FAULT_AFTER  so many such calls go well before
 * FAULT_WHILE  a file; such calls fail only while it is there
 * FAULT_HOLD   a file; such calls wait while it is there
 * FAULT_DELAY  milliseconds that each such call takes longer
 * FAULT_CLOCK  a file that holds seconds, by which the clock of the day is ahead */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static atomic_long calls;

static int is_meant(const char *call, int fd) {
    const char *wanted = getenv("FAULT_CALL"), *part = getenv("FAULT_PATH");
    if (!wanted || !part || strcmp(wanted, call)) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, part) != NULL;
}

static int fails(const char *call, int fd) {
    if (!is_meant(call, fd)) return 0;
    const char *delay = getenv("FAULT_DELAY"), *error = getenv("FAULT_ERROR");
    const char *file = getenv("FAULT_WHILE"), *hold = getenv("FAULT_HOLD");
    while (hold && !access(hold, F_OK)) usleep(5000);
    if (delay) usleep(atoi(delay) * 1000);
    if (file && access(file, F_OK)) return 0;
    const char *after = getenv("FAULT_AFTER");
    return error && atomic_fetch_add(&calls, 1) >= (after ? atol(after) : 0) ? atoi(error) : 0;
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off64_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    struct stat64 known;
    int grows = !fstat64(fd, &known) && offset + (off64_t)length > known.st_size;
    int error = fails("write", fd);
    if (!error && grows) error = fails("grow", fd);
    if (!error) return real(fd, bytes, length, offset);
    real(fd, bytes, length / 2, offset);
    errno = error;
    return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    return write_at(fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    return write_at(fd, bytes, length, offset);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset) {
    static ssize_t (*real)(int, void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pread64");
    int error = fails("read", fd);
    if (!error) return real(fd, bytes, length, offset);
    errno = error;
    return -1;
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset) {
    return pread64(fd, bytes, length, offset);
}

static int sync_with(const char *name, int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, name);
    int error = fails("sync", fd);
    if (!error) return real(fd);
    errno = error;
    return -1;
}

int fdatasync(int fd) { return sync_with("fdatasync", fd); }
int fsync(int fd) { return sync_with("fsync", fd); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, now);
    const char *path = getenv("FAULT_CLOCK");
    if (done || clock != CLOCK_REALTIME || !path) return done;
    int file = open(path, O_RDONLY);
    char text[32] = {0};
    if (file >= 0) {
        if (read(file, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
        close(file);
    }
    return 0;
}
