/* A preloaded library (LD_PRELOAD) under which one of a program's operations on files fails or is
 * its last. Operations are counted from 1: writes, syncs, opens, renames, truncations and unlinks
 * of regular files in the folder FAULT_DIR.
 *
 *   FAULT_AT     the number of the operation; 0 or none: no fault
 *   FAULT_KIND   eio, enospc: it fails so, and does nothing
 *                full: so do all that follow and write, as on a disk that stays full
 *                short: a write writes half and says so; other operations fail with EIO
 *                kill: the process is killed before it
 *                torn: the process is killed after half of a write
 *   FAULT_COUNT  file that gets the count of the operations, a line a process
 *   FAULT_OPENS_OF  count how often this file is opened, and nothing else
 *
 * Paths are taken as the program writes them: give both the program and FAULT_DIR absolute ones.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long operations;

static int kind_is(const char *name) {
  const char *kind = getenv("FAULT_KIND");
  return kind != NULL && strcmp(kind, name) == 0;
}

static int watched_path(const char *path, int opens) {
  const char *only = getenv("FAULT_OPENS_OF");
  if (only != NULL) return opens && strcmp(path, only) == 0;
  const char *folder = getenv("FAULT_DIR");
  return folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int watched_file(int file) {
  char link[64];
  char path[4096];
  struct stat status;
  if (file <= 2 || fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return watched_path(path, 0);
}

static void die(void) {
  syscall(SYS_kill, getpid(), SIGKILL);
}

enum { kGoOn, kFail, kHalf, kHalfAndDie };

/* What becomes of the next operation; sets errno where it fails. */
static int next_operation(int writes) {
  const char *at = getenv("FAULT_AT");
  const long target = at == NULL ? 0 : atol(at);
  const long number = atomic_fetch_add(&operations, 1) + 1;
  const int full = kind_is("full");
  if (target == 0 || number < target || (number > target && !(full && writes))) return kGoOn;
  if (kind_is("kill")) die();
  if (kind_is("torn")) {
    if (writes) return kHalfAndDie;
    die();
  }
  if (kind_is("short") && writes) return kHalf;
  errno = full || kind_is("enospc") ? ENOSPC : EIO;
  return kFail;
}

static ssize_t write_some(int file, const void *bytes, size_t size, off_t at, int positioned) {
  const int fate = watched_file(file) ? next_operation(1) : kGoOn;
  if (fate == kFail) return -1;
  const size_t part = fate == kGoOn || size < 2 ? size : size / 2;
  const ssize_t written = positioned ? syscall(SYS_pwrite64, file, bytes, part, at)
                                     : syscall(SYS_write, file, bytes, part);
  if (fate == kHalfAndDie) die();
  return written;
}

ssize_t write(int file, const void *bytes, size_t size) {
  return write_some(file, bytes, size, 0, 0);
}
ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
  return write_some(file, bytes, size, at, 1);
}
ssize_t pwrite64(int file, const void *bytes, size_t size, off_t at) {
  return write_some(file, bytes, size, at, 1);
}

int fsync(int file) {
  if (watched_file(file) && next_operation(0) == kFail) return -1;
  return (int)syscall(SYS_fsync, file);
}
int fdatasync(int file) {
  if (watched_file(file) && next_operation(0) == kFail) return -1;
  return (int)syscall(SYS_fdatasync, file);
}

int ftruncate(int file, off_t size) {
  if (watched_file(file) && next_operation(0) == kFail) return -1;
  return (int)syscall(SYS_ftruncate, file, size);
}
int ftruncate64(int file, off_t size) {
  return ftruncate(file, size);
}

int unlink(const char *path) {
  if (watched_path(path, 0) && next_operation(0) == kFail) return -1;
  return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rename(const char *from, const char *to) {
  if (watched_path(to, 0) && next_operation(0) == kFail) return -1;
  return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int open_one(const char *path, int flags, mode_t mode) {
  if (watched_path(path, 1) && next_operation(0) == kFail) return -1;
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

#define OPEN(name)                             \
  int name(const char *path, int flags, ...) { \
    mode_t mode = 0;                           \
    if (flags & (O_CREAT | O_TMPFILE)) {       \
      va_list more;                            \
      va_start(more, flags);                   \
      mode = va_arg(more, mode_t);             \
      va_end(more);                            \
    }                                          \
    return open_one(path, flags, mode);        \
  }
OPEN(open)
OPEN(open64)

__attribute__((destructor)) static void say_count(void) {
  const char *path = getenv("FAULT_COUNT");
  if (path == NULL) return;
  FILE *file = fopen(path, "a");
  if (file == NULL) return;
  fprintf(file, "%ld\n", atomic_load(&operations));
  fclose(file);
}
