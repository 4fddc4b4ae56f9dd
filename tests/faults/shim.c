/* Fails the n-th system call that changes files under one folder. Preloaded into Python with LD_PRELOAD.
 *
 * Counted are write, pwrite, writev, fsync, rename, open for writing, mkdir, unlink, rmdir, truncate, link and the
 * close of a file that was open for writing, and only on paths under the folder. A write that fails has written half
 * of its bytes, as on a disk that becomes full. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static char folder[PATH_MAX];
static long fail_at, counted;
static int code, sticky;
static char last[PATH_MAX + 64];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* Counting starts. The at-th call fails with the error, and if lasting all later ones but unlink, rmdir and close;
 * an error of 0 kills the process at the call instead, an at of 0 fails nothing. */
void faults_arm(const char *under, long at, int error, int lasting) {
  snprintf(folder, sizeof folder, "%s", under);
  fail_at = at, code = error, sticky = lasting, counted = 0, last[0] = 0;
}

long faults_counted(void) { return counted; }

/* What failed: the call and its path. */
const char *faults_failed(void) { return last; }

static int below(const char *path) {
  size_t length = strlen(folder);
  return length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

/* Whether this call, on a path under the folder, is one that fails. */
static int fails(const char *call, const char *path, int frees) {
  if (!below(path)) return 0;
  pthread_mutex_lock(&mutex);
  long n = ++counted;
  int now = fail_at && (n == fail_at || (sticky && n > fail_at && !frees));
  if (n == fail_at) snprintf(last, sizeof last, "%s %s", call, path);
  pthread_mutex_unlock(&mutex);
  if (now && !code) kill(getpid(), SIGKILL);
  if (now) errno = code;
  return now;
}

static int path_of(int descriptor, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  path[length < 0 ? 0 : length] = 0;
  return length > 0;
}

static int fails_at(const char *call, int directory, const char *name, int frees) {
  char path[2 * PATH_MAX];
  if (!folder[0]) return 0;
  if (name[0] == '/') {
    snprintf(path, sizeof path, "%s", name);
  } else if (directory == AT_FDCWD ? !!getcwd(path, PATH_MAX) : path_of(directory, path)) {
    size_t length = strlen(path);
    snprintf(path + length, sizeof path - length, "/%s", name);
  } else {
    return 0;
  }
  return fails(call, path, frees);
}

static int fails_on(const char *call, int descriptor, int frees) {
  char path[PATH_MAX];
  return folder[0] && path_of(descriptor, path) && fails(call, path, frees);
}

ssize_t write(int descriptor, const void *data, size_t size) {
  if (!fails_on("write", descriptor, 0)) return REAL(write)(descriptor, data, size);
  int error = errno;
  if (size > 1 && REAL(write)(descriptor, data, size / 2) < 0) return -1;
  errno = error;
  return -1;
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  return fails_on("writev", descriptor, 0) ? -1 : REAL(writev)(descriptor, parts, count);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
  return fails_on("pwrite", descriptor, 0) ? -1 : REAL(pwrite)(descriptor, data, size, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
  return fails_on("pwrite", descriptor, 0) ? -1 : REAL(pwrite64)(descriptor, data, size, offset);
}

ssize_t copy_file_range(int from, off64_t *start, int to, off64_t *end, size_t size, unsigned flags) {
  return fails_on("copy", to, 0) ? -1 : REAL(copy_file_range)(from, start, to, end, size, flags);
}

int fsync(int descriptor) { return fails_on("fsync", descriptor, 0) ? -1 : REAL(fsync)(descriptor); }

int fdatasync(int descriptor) { return fails_on("fsync", descriptor, 0) ? -1 : REAL(fdatasync)(descriptor); }

int ftruncate(int descriptor, off_t size) {
  return fails_on("truncate", descriptor, 0) ? -1 : REAL(ftruncate)(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) {
  return fails_on("truncate", descriptor, 0) ? -1 : REAL(ftruncate64)(descriptor, size);
}

int posix_fallocate(int descriptor, off_t offset, off_t size) {
  return fails_on("allocate", descriptor, 0) ? errno : REAL(posix_fallocate)(descriptor, offset, size);
}

/* A descriptor is closed even if close fails. */
int close(int descriptor) {
  int flags = folder[0] ? fcntl(descriptor, F_GETFL) : -1;
  int failed = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && fails_on("close", descriptor, 1);
  int error = errno;
  int closed = REAL(close)(descriptor);
  if (!failed) return closed;
  errno = error;
  return -1;
}

int rename(const char *from, const char *to) {
  return fails_at("rename", AT_FDCWD, to, 0) ? -1 : REAL(rename)(from, to);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
  return fails_at("rename", to_directory, to, 0) ? -1 : REAL(renameat)(from_directory, from, to_directory, to);
}

int link(const char *from, const char *to) {
  return fails_at("link", AT_FDCWD, to, 0) ? -1 : REAL(link)(from, to);
}

int mkdir(const char *path, mode_t mode) {
  return fails_at("mkdir", AT_FDCWD, path, 0) ? -1 : REAL(mkdir)(path, mode);
}

int mkdirat(int directory, const char *path, mode_t mode) {
  return fails_at("mkdir", directory, path, 0) ? -1 : REAL(mkdirat)(directory, path, mode);
}

int unlink(const char *path) { return fails_at("unlink", AT_FDCWD, path, 1) ? -1 : REAL(unlink)(path); }

int rmdir(const char *path) { return fails_at("rmdir", AT_FDCWD, path, 1) ? -1 : REAL(rmdir)(path); }

int unlinkat(int directory, const char *path, int flags) {
  return fails_at(flags & AT_REMOVEDIR ? "rmdir" : "unlink", directory, path, 1)
             ? -1
             : REAL(unlinkat)(directory, path, flags);
}

#define OPEN(directory, call)                                                       \
  mode_t mode = 0;                                                                  \
  if (flags & (O_CREAT | __O_TMPFILE)) {                                            \
    va_list rest;                                                                   \
    va_start(rest, flags);                                                          \
    mode = (mode_t)va_arg(rest, unsigned);                                          \
    va_end(rest);                                                                   \
  }                                                                                 \
  int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));    \
  return writes && fails_at("open", directory, path, 0) ? -1 : call

int open(const char *path, int flags, ...) { OPEN(AT_FDCWD, REAL(open)(path, flags, mode)); }

int open64(const char *path, int flags, ...) { OPEN(AT_FDCWD, REAL(open64)(path, flags, mode)); }

int openat(int directory, const char *path, int flags, ...) {
  OPEN(directory, REAL(openat)(directory, path, flags, mode));
}

int openat64(int directory, const char *path, int flags, ...) {
  OPEN(directory, REAL(openat64)(directory, path, flags, mode));
}
