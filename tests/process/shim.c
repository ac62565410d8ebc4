/* What a disk or a clock does wrong, between a program and the C library: loaded with LD_PRELOAD.
 * FAULT_PATH   only files whose path holds this
 * FAULT_CALL   "sync", "write", "read", "grow" (a write beyond the end of the file) or "room"
 * FAULT_ERROR  number of the error that such calls give; a failing write first writes a half
 * FAULT_AFTER  so many such calls go well before
 * FAULT_WHILE  a file; such calls fail only while it is there
 * FAULT_HOLD   a file; such calls wait while it is there
 * FAULT_ROOM   with "room", a file that holds a serial number and so many bytes as the files may
 *              still grow by since it was written; the disk says that so much is free
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
#include <sys/statvfs.h>
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

static atomic_llong serial = -1, grown;

/* Bytes that are left, whoever asks; the counting of two that grow at once may be off by one. */
static long long room_left(void) {
    const char *path = getenv("FAULT_ROOM");
    char text[64] = {0};
    int file = path ? open(path, O_RDONLY) : -1;
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    long long number = 0, bytes = 0;
    if (length <= 0 || sscanf(text, "%lld %lld", &number, &bytes) != 2) return 0;
    if (atomic_exchange(&serial, number) != number) atomic_store(&grown, 0);
    return bytes - atomic_load(&grown);
}

/* Whether so many bytes more find no room; those that do are taken from it. */
static int is_full(int fd, long long more) {
    if (more <= 0 || !is_meant("room", fd)) return 0;
    if (more > room_left()) return 1;
    atomic_fetch_add(&grown, more);
    return 0;
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off64_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    struct stat64 known;
    long long more = fstat64(fd, &known) ? 0 : offset + (off64_t)length - known.st_size;
    int error = fails("write", fd);
    if (!error && more > 0) error = fails("grow", fd);
    if (!error && is_full(fd, more)) error = ENOSPC;
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

ssize_t write(int fd, const void *bytes, size_t length) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "write");
    struct stat64 known;
    if (!is_meant("room", fd) || fstat64(fd, &known)) return real(fd, bytes, length);
    int appends = fcntl(fd, F_GETFL) & O_APPEND;
    off64_t offset = appends ? known.st_size : lseek64(fd, 0, SEEK_CUR);
    if (!is_full(fd, offset + (off64_t)length - known.st_size)) return real(fd, bytes, length);
    errno = ENOSPC;
    return -1;
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

int statvfs64(const char *path, struct statvfs64 *told) {
    static int (*real)(const char *, struct statvfs64 *);
    if (!real) real = dlsym(RTLD_NEXT, "statvfs64");
    int done = real(path, told);
    const char *wanted = getenv("FAULT_CALL"), *part = getenv("FAULT_PATH");
    if (done || !wanted || !part || strcmp(wanted, "room") || !strstr(path, part)) return done;
    long long left = room_left();
    told->f_bfree = told->f_bavail = left > 0 ? left / told->f_frsize : 0;
    return 0;
}

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
