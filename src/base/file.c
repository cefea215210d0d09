/* SPDX-License-Identifier: MIT
 * Whole files as bytes. A regular file is mapped privately and read-only; anything else is read into memory.
 *
 * Descriptors 0, 1 and 2 may be closed in the host program (the founding bug's condition). A file opened then would
 * land on one of them and become somebody's standard output, so every descriptor is moved above 2 at once. */
#define _GNU_SOURCE
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int csi_open_fd(const char *path, int flags, int mode)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    if (fd < 0 || fd > 2)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3), saved = errno;
    close(fd);
    errno = saved;
    return moved;
}

static cs_err read_all(const csi_env *env, int fd, const char *path, csi_file *file, cs_error *err)
{
    csi_buf buf;
    csi_buf_init(&buf, env);
    for (;;) {
        void *room = csi_buf_room(&buf, 1 << 16);
        if (!room) {
            csi_buf_finish(&buf);
            return csi_fail_memory(err, buf.size + (1 << 16), path);
        }
        ssize_t n = read(fd, room, 1 << 16);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int reason = errno;
            csi_buf_finish(&buf);
            return csi_fail(err, CS_EIO, -1, "%s: cannot read: %s", path, strerror(reason));
        }
        if (n == 0)
            break;
        csi_buf_grew(&buf, (size_t)n);
    }
    file->data = (const uint8_t *)buf.data;
    file->size = buf.size;
    file->mapped = false;
    return CS_OK;
}

static csi_stamp stamp_of(const struct stat *st)
{
    return (csi_stamp){.bytes = st->st_size,
                       .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
                       .ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
                       .device = (uint64_t)st->st_dev,
                       .inode = (uint64_t)st->st_ino};
}

cs_err csi_file_open(const csi_env *env, const char *path, csi_file *file, cs_error *err)
{
    *file = (csi_file){0};
    int fd = csi_open_fd(path, O_RDONLY | O_NOCTTY, 0);
    if (fd < 0)
        return csi_fail(err, CS_EIO, -1, "%s: cannot open: %s", path, strerror(errno));
    cs_err code = CS_OK;
    struct stat st;
    if (fstat(fd, &st) != 0) {
        code = csi_fail(err, CS_EIO, -1, "%s: cannot stat: %s", path, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        code = csi_fail(err, CS_EIO, -1, "%s: is a directory, expected a file", path);
    } else if (S_ISREG(st.st_mode) && st.st_size > 0) {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            code = read_all(env, fd, path, file, err); /* file systems without mmap */
        } else {
            file->data = data;
            file->size = (size_t)st.st_size;
            file->mapped = true;
        }
    } else {
        code = read_all(env, fd, path, file, err);
    }
    if (code == CS_OK)
        file->stamp = stamp_of(&st);
    close(fd);
    return code;
}

void csi_file_close(const csi_env *env, csi_file *file)
{
    if (file->mapped)
        munmap((void *)(uintptr_t)file->data, file->size);
    else
        csi_free(env, (void *)(uintptr_t)file->data);
    *file = (csi_file){0};
}

void csi_file_release(const csi_file *file, size_t offset, size_t n)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), first = (offset + page - 1) / page * page;
    const size_t end = (offset + n) / page * page;
    if (file->mapped && first < end)
        madvise((void *)(uintptr_t)(file->data + first), end - first, MADV_DONTNEED);
}

void csi_will_read(const void *bytes, size_t n)
{
#if defined(MADV_POPULATE_READ)
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)bytes / page * page;
    madvise((void *)first, (uintptr_t)bytes + n - first, MADV_POPULATE_READ); /* a wish */
#else
    (void)bytes;
    (void)n;
#endif
}

uint64_t csi_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
