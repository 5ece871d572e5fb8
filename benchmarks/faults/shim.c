/* Faults at the write boundaries of a process: preload it (LD_PRELOAD), arm it, and the n-th call that changes a file
 * or folder below a watched one is the last (SIGKILL before it, or half-way through a write), or fails.
 *
 * A boundary is a call after which the disk is another one, or holds more for certain: what creates, truncates, writes,
 * syncs, renames, links or removes. A folder that is there already is not made, and a file that is not is not removed:
 * such calls are none. Nor is close(): a kill before it leaves what a kill before the next boundary does.
 * Buffered streams of C (numpy's and hnswlib's files) write inside libc, where no call can be caught: fwrite() to a
 * watched file writes through, and the flush of what else is buffered is a boundary of its own. What is stored through
 * a writable mapping is no call either; the mapping itself is a boundary, so that the log tells of it.
 *
 * Nothing is counted before faults_arm(); a child of fork() goes on counting where its parent stood.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "open() and open64() are one and the same here");

/* Both lists stand in shim.py too. */
enum kind { CREATE, TRUNCATE, WRITE, SYNC, RENAME, REMOVE, MKDIR, RMDIR, LINK, MAP };
static const char *const KINDS[] = {"create", "truncate", "write", "sync",  "rename",
                                    "remove", "mkdir",    "rmdir", "link", "map"};
enum action { COUNT, KILL, TEAR, FAIL };

/* What is to happen; written by faults_arm() while nothing else runs. */
static char watched[PATH_MAX];
static size_t watched_length;
static long fault_at;
static int fault_action, fault_error, fault_once, log_handle = -1;
static unsigned fault_kinds;

static atomic_int armed, refused;
static atomic_long reached;

void faults_arm(const char *folder, long at, int action, int error, int once, unsigned kinds, int log) {
    watched_length = (size_t)snprintf(watched, sizeof watched, "%s", folder);
    fault_at = at;
    fault_action = action;
    fault_error = error;
    fault_once = once;
    fault_kinds = kinds;
    log_handle = log;
    atomic_store(&reached, 0);
    atomic_store(&refused, 0);
    atomic_store(&armed, 1);
}

void faults_disarm(void) { atomic_store(&armed, 0); }

long faults_reached(void) { return atomic_load(&reached); }

int faults_refused(void) { return atomic_load(&refused); }

static _Noreturn void die(void) {
    for (;;) syscall(SYS_kill, (long)getpid(), SIGKILL);
}

/* Paths: as the kernel knows them, so that duplicated and inherited handles need no book-keeping. */

static int is_watched(const char *path) {
    return !strncmp(path, watched, watched_length) && (path[watched_length] == '/' || !path[watched_length]);
}

static int path_of(int handle, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    int kept = errno;
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    errno = kept;
    path[length < 0 ? 0 : length] = 0;
    return length >= 0;
}

static int on_handle(int handle, char *path) {
    return atomic_load(&armed) && path_of(handle, path) && is_watched(path);
}

/* The folder without links and dots, and in it the name as it is. */
static void resolve(char *path) {
    char folder[PATH_MAX], *slash = strrchr(path, '/');
    char name[NAME_MAX + 2];
    if (!slash || snprintf(name, sizeof name, "%s", slash) >= (int)sizeof name) return;
    int kept = errno;
    *slash = 0;
    if (!realpath(*path ? path : "/", folder))
        *slash = '/';
    else if (snprintf(path, PATH_MAX, "%s%s", folder[1] ? folder : "", name) >= PATH_MAX)
        *path = 0;
    errno = kept;
}

static int on_path(int folder, const char *name, char *path) {
    path[0] = 0;
    if (!atomic_load(&armed) || !name) return 0;
    char start[PATH_MAX] = "";
    if (name[0] != '/' && !(folder == AT_FDCWD ? !!getcwd(start, sizeof start) : path_of(folder, start))) return 0;
    if (snprintf(path, PATH_MAX, "%s%s%s", start, name[0] == '/' ? "" : "/", name) >= PATH_MAX) return 0;
    resolve(path);
    return is_watched(path);
}

static int exists(const char *path) {
    int kept = errno;
    int found = !syscall(SYS_faccessat, AT_FDCWD, path, F_OK);
    errno = kept;
    return found;
}

static void note(long number, enum kind kind, const char *path, const char *other) {
    if (log_handle < 0) return;
    char line[2 * PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%ld\t%s\t%s\t%s\n", number, KINDS[kind], path, other);
    syscall(SYS_write, log_handle, line, (size_t)length);
}

enum verdict { GO_ON, REFUSE, HALF, HALF_THEN_DIE };

/* Count a boundary and say what becomes of it; REFUSE has set errno. */
static enum verdict boundary(enum kind kind, const char *path, const char *other) {
    int kept = errno;
    long number = atomic_fetch_add(&reached, 1) + 1;
    note(number, kind, path, other);
    errno = kept;
    if (fault_action == COUNT || number < fault_at) return GO_ON;
    if (fault_action == TEAR && kind == WRITE) return HALF_THEN_DIE;
    if (fault_action != FAIL) die();
    if (!(fault_kinds >> kind & 1)) return GO_ON;
    int before = atomic_fetch_add(&refused, 1);
    if (before && fault_once) return GO_ON;
    if (!before && !fault_once && fault_error == ENOSPC && kind == WRITE) return HALF; /* as much as still fits */
    errno = fault_error;
    return REFUSE;
}

static int may(enum kind kind, const char *path, const char *other) {
    return boundary(kind, path, other) == GO_ON;
}

/* The next definition of a function: libc's. */
#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* Where files have 64 bits anyway, both names are one function. */
#define ALSO(name, same) extern __typeof__(same) name __attribute__((alias(#same)))

/* Bytes. `size` counts what can be halved: bytes, or parts of a gathered write. */
#define WRITES(handle, size, whole, half) \
    char path[PATH_MAX]; \
    if (!on_handle(handle, path)) return whole; \
    enum verdict verdict = boundary(WRITE, path, ""); \
    if (verdict == GO_ON) return whole; \
    if (verdict == REFUSE) return -1; \
    ssize_t written = (size) > 1 ? half : 0; \
    if (verdict == HALF_THEN_DIE) die(); \
    if (written <= 0) errno = fault_error; \
    return written > 0 ? written : -1

ssize_t write(int handle, const void *bytes, size_t size) {
    REAL(write);
    WRITES(handle, size, real(handle, bytes, size), real(handle, bytes, size / 2));
}

ssize_t pwrite(int handle, const void *bytes, size_t size, off_t at) {
    REAL(pwrite);
    WRITES(handle, size, real(handle, bytes, size, at), real(handle, bytes, size / 2, at));
}
ALSO(pwrite64, pwrite);

ssize_t writev(int handle, const struct iovec *parts, int count) {
    REAL(writev);
    WRITES(handle, count, real(handle, parts, count), real(handle, parts, count / 2));
}

ssize_t pwritev(int handle, const struct iovec *parts, int count, off_t at) {
    REAL(pwritev);
    WRITES(handle, count, real(handle, parts, count, at), real(handle, parts, count / 2, at));
}
ALSO(pwritev64, pwritev);

/* How many bytes a copy inside the kernel would take from its source. */
static size_t left_of(int source, const off_t *at, size_t size) {
    struct stat about;
    off_t from = at ? *at : lseek(source, 0, SEEK_CUR);
    if (from < 0 || fstat(source, &about) || about.st_size <= from) return 0;
    size_t left = (size_t)(about.st_size - from);
    return left < size ? left : size;
}

ssize_t sendfile(int out, int in, off_t *at, size_t size) {
    REAL(sendfile);
    size_t left = left_of(in, at, size);
    if (!left) return real(out, in, at, size); /* the end: nothing is written */
    WRITES(out, left, real(out, in, at, size), real(out, in, at, left / 2));
}
ALSO(sendfile64, sendfile);

ssize_t copy_file_range(int in, off_t *from, int out, off_t *to, size_t size, unsigned flags) {
    REAL(copy_file_range);
    size_t left = left_of(in, from, size);
    if (!left) return real(in, from, out, to, size, flags);
    WRITES(out, left, real(in, from, out, to, size, flags), real(in, from, out, to, left / 2, flags));
}

/* Buffered streams. */

/* Whether what a stream has buffered may be written. */
static int may_flush(FILE *stream) {
    char path[PATH_MAX];
    if (!stream || !__fpending(stream) || !on_handle(fileno(stream), path)) return 1;
    enum verdict verdict = boundary(WRITE, path, "");
    if (verdict == GO_ON) return 1;
    if (verdict == HALF_THEN_DIE) die();
    __fpurge(stream);
    errno = fault_error;
    return 0;
}

int fflush(FILE *stream) {
    REAL(fflush);
    return may_flush(stream) ? real(stream) : EOF;
}

int fclose(FILE *stream) {
    REAL(fclose);
    if (may_flush(stream)) return real(stream);
    real(stream);
    errno = fault_error;
    return EOF;
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *stream) {
    REAL(fwrite);
    char path[PATH_MAX];
    if (!size || !count || !on_handle(fileno(stream), path)) return real(bytes, size, count, stream);
    if (fflush(stream)) return 0;
    size_t done = 0;
    while (done < size * count) {
        ssize_t written = write(fileno(stream), (const char *)bytes + done, size * count - done);
        if (written < 0) break;
        done += (size_t)written;
    }
    int kept = errno;
    fseeko(stream, lseek(fileno(stream), 0, SEEK_CUR), SEEK_SET); /* the stream keeps count of its own */
    errno = kept;
    return done / size;
}

/* Files that are made or emptied. */

static int may_open(int folder, const char *name, int flags) {
    char path[PATH_MAX];
    if (!(flags & (O_CREAT | O_TRUNC)) || !on_path(folder, name, path)) return 1;
    int there = exists(path);
    if (!(flags & (there ? O_TRUNC : O_CREAT))) return 1;
    return may(there ? TRUNCATE : CREATE, path, "");
}

#define OPENS(folder, call) \
    mode_t mode = 0; \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    } \
    return may_open(folder, name, flags) ? call : -1

int open(const char *name, int flags, ...) {
    REAL(open);
    OPENS(AT_FDCWD, real(name, flags, mode));
}
ALSO(open64, open);

int openat(int folder, const char *name, int flags, ...) {
    REAL(openat);
    OPENS(folder, real(folder, name, flags, mode));
}
ALSO(openat64, openat);

int creat(const char *name, mode_t mode) {
    REAL(creat);
    return may_open(AT_FDCWD, name, O_CREAT | O_TRUNC) ? real(name, mode) : -1;
}
ALSO(creat64, creat);

FILE *fopen(const char *name, const char *mode) {
    REAL(fopen);
    int flags = mode[0] == 'w' ? O_CREAT | O_TRUNC : mode[0] == 'a' ? O_CREAT : 0;
    return may_open(AT_FDCWD, name, flags) ? real(name, mode) : NULL;
}
ALSO(fopen64, fopen);

/* What changes a file or folder by its handle or by its name. */
#define BY_HANDLE(kind, handle, call) \
    char path[PATH_MAX]; \
    return !on_handle(handle, path) || may(kind, path, "") ? call : -1

#define BY_NAME(kind, folder, name, call) \
    char path[PATH_MAX]; \
    int idle = !on_path(folder, name, path) || exists(path) == ((kind) == MKDIR || (kind) == LINK); \
    return idle || may(kind, path, "") ? call : -1

#define BY_TWO_NAMES(kind, from_folder, from, to_folder, to, call) \
    char path[PATH_MAX], target[PATH_MAX]; \
    int touched = on_path(from_folder, from, path) | on_path(to_folder, to, target); \
    return !touched || may(kind, path, target) ? call : -1

int ftruncate(int handle, off_t size) {
    REAL(ftruncate);
    BY_HANDLE(TRUNCATE, handle, real(handle, size));
}
ALSO(ftruncate64, ftruncate);

int truncate(const char *name, off_t size) {
    REAL(truncate);
    BY_NAME(TRUNCATE, AT_FDCWD, name, real(name, size));
}
ALSO(truncate64, truncate);

int fallocate(int handle, int mode, off_t at, off_t size) {
    REAL(fallocate);
    BY_HANDLE(TRUNCATE, handle, real(handle, mode, at, size));
}
ALSO(fallocate64, fallocate);

int posix_fallocate(int handle, off_t at, off_t size) {
    REAL(posix_fallocate);
    char path[PATH_MAX]; /* it gives its error back, and leaves errno alone */
    return !on_handle(handle, path) || may(TRUNCATE, path, "") ? real(handle, at, size) : fault_error;
}
ALSO(posix_fallocate64, posix_fallocate);

int fsync(int handle) {
    REAL(fsync);
    BY_HANDLE(SYNC, handle, real(handle));
}

int fdatasync(int handle) {
    REAL(fdatasync);
    BY_HANDLE(SYNC, handle, real(handle));
}

int rename(const char *from, const char *to) {
    REAL(rename);
    BY_TWO_NAMES(RENAME, AT_FDCWD, from, AT_FDCWD, to, real(from, to));
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    REAL(renameat);
    BY_TWO_NAMES(RENAME, from_folder, from, to_folder, to, real(from_folder, from, to_folder, to));
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    REAL(renameat2);
    BY_TWO_NAMES(RENAME, from_folder, from, to_folder, to, real(from_folder, from, to_folder, to, flags));
}

int link(const char *from, const char *to) {
    REAL(link);
    BY_TWO_NAMES(LINK, AT_FDCWD, from, AT_FDCWD, to, real(from, to));
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    REAL(linkat);
    BY_TWO_NAMES(LINK, from_folder, from, to_folder, to, real(from_folder, from, to_folder, to, flags));
}

int symlink(const char *target, const char *name) {
    REAL(symlink);
    BY_NAME(LINK, AT_FDCWD, name, real(target, name));
}

int symlinkat(const char *target, int folder, const char *name) {
    REAL(symlinkat);
    BY_NAME(LINK, folder, name, real(target, folder, name));
}

int unlink(const char *name) {
    REAL(unlink);
    BY_NAME(REMOVE, AT_FDCWD, name, real(name));
}

int unlinkat(int folder, const char *name, int flags) {
    REAL(unlinkat);
    BY_NAME(flags & AT_REMOVEDIR ? RMDIR : REMOVE, folder, name, real(folder, name, flags));
}

int remove(const char *name) {
    REAL(remove);
    BY_NAME(REMOVE, AT_FDCWD, name, real(name));
}

int rmdir(const char *name) {
    REAL(rmdir);
    BY_NAME(RMDIR, AT_FDCWD, name, real(name));
}

int mkdir(const char *name, mode_t mode) {
    REAL(mkdir);
    BY_NAME(MKDIR, AT_FDCWD, name, real(name, mode));
}

int mkdirat(int folder, const char *name, mode_t mode) {
    REAL(mkdirat);
    BY_NAME(MKDIR, folder, name, real(folder, name, mode));
}

void *mmap(void *start, size_t size, int protection, int flags, int handle, off_t at) {
    REAL(mmap);
    char path[PATH_MAX];
    int writes = (protection & PROT_WRITE) && (flags & MAP_TYPE) != MAP_PRIVATE && !(flags & MAP_ANONYMOUS);
    if (writes && on_handle(handle, path) && !may(MAP, path, "")) return MAP_FAILED;
    return real(start, size, protection, flags, handle, at);
}
ALSO(mmap64, mmap);
