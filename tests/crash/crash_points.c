/* Preloaded into Millrace by tests: kills or stops it right before a chosen change of a file.
 *
 * Every call by which a process changes a name, or the catalog its bytes, below $CRASH_ROOT is a step,
 * described as "link store/default/events/_publish/…json". The product needs no seam for this: what
 * runs is the binary that people get.
 *
 *   CRASH_ROOT   the folder whose changes count
 *   CRASH_ROLE   parent | worker: which process counts
 *   CRASH_TRACE  a file to which each step's description is appended
 *   CRASH_AT     the step, from 1, before which the process is hit; 0 or unset: never
 *   CRASH_MATCH  only steps count whose description contains this
 *   CRASH_BY     the signal's number: 9 or 19
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *root;
static const char *match;
static long at;
static int by, trace = -1;
static atomic_long steps;

static int is_worker(void) {
  char line[4096];
  int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY);
  long size = syscall(SYS_read, fd, line, sizeof line);
  syscall(SYS_close, fd);
  return size > 0 && memmem(line, (size_t)size, "warehouse-worker", 16) != NULL;
}

__attribute__((constructor)) static void begin(void) {
  const char *role = getenv("CRASH_ROLE");
  if (role == NULL || is_worker() != (strcmp(role, "worker") == 0)) return;
  root = getenv("CRASH_ROOT");
  match = getenv("CRASH_MATCH");
  const char *number = getenv("CRASH_AT"), *signal = getenv("CRASH_BY"),
             *file = getenv("CRASH_TRACE");
  at = number ? atol(number) : 0;
  by = signal ? atoi(signal) : SIGKILL;
  if (file) {
    trace = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                         0644);
  }
}

static void step_in(const char *call, int folder, const char *path) {
  if (root == NULL) return;
  char whole[2 * PATH_MAX], text[2 * PATH_MAX + 32];
  whole[0] = 0;
  if (path == NULL || path[0] != '/') {
    char link[64];
    snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
    long size = syscall(SYS_readlinkat, AT_FDCWD, link, whole, PATH_MAX);
    whole[size > 0 ? size : 0] = 0;
    if (path) strcat(whole, "/");
  }
  if (path) strcat(whole, path);
  size_t length = strlen(root);
  if (strncmp(whole, root, length) != 0 || whole[length] != '/') return;
  int size = snprintf(text, sizeof text, "%s %s\n", call, whole + length + 1);
  if (match && strstr(text, match) == NULL) return;
  if (trace >= 0) syscall(SYS_write, trace, text, size);
  if (atomic_fetch_add(&steps, 1) + 1 == at) syscall(SYS_kill, (int)syscall(SYS_getpid), by);
}

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, #name))

int link(const char *from, const char *to) {
  step_in("link", AT_FDCWD, to);
  return REAL(link, int (*)(const char *, const char *))(from, to);
}
int rename(const char *from, const char *to) {
  step_in("rename", AT_FDCWD, to);
  return REAL(rename, int (*)(const char *, const char *))(from, to);
}
int unlink(const char *path) {
  step_in("unlink", AT_FDCWD, path);
  return REAL(unlink, int (*)(const char *))(path);
}
int unlinkat(int folder, const char *path, int flags) {
  step_in("unlink", folder, path);
  return REAL(unlinkat, int (*)(int, const char *, int))(folder, path, flags);
}
int rmdir(const char *path) {
  step_in("rmdir", AT_FDCWD, path);
  return REAL(rmdir, int (*)(const char *))(path);
}
int remove(const char *path) {
  step_in("remove", AT_FDCWD, path);
  return REAL(remove, int (*)(const char *))(path);
}
int mkdir(const char *path, mode_t mode) {
  step_in("mkdir", AT_FDCWD, path);
  return REAL(mkdir, int (*)(const char *, mode_t))(path, mode);
}
/* SQLite's; our own fsync calls change nothing that a kill could show. */
int fdatasync(int file) {
  step_in("sync", file, NULL);
  return REAL(fdatasync, int (*)(int))(file);
}
