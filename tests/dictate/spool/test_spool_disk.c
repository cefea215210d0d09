/* SPDX-License-Identifier: MIT
 * A disk that is full, and one that is read-only: small file systems in memory, in a mount namespace of our own. */
#define _GNU_SOURCE
#include "spool_kit.h"

#include <sched.h>
#include <sys/mount.h>

enum { DISK_BYTES = 256 << 10 };

static char disk[250], folder[300], error[SPOOL_ERROR];

static int32_t n_listed(spool_item **items)
{
    return spool_list(folder, items, error);
}

static void a_disk_that_fills_up(void)
{
    spool *s = spool_create(folder, &(spoken_as){0}, error);
    spool_item *items;
    int64_t n = 0;
    if (!CHECK(s != NULL))
        return;
    while (n < DISK_BYTES && kit_write(s, n, KIT_CHUNK, error))
        n += KIT_CHUNK;
    CHECK(n > 0 && 2 * n < DISK_BYTES);
    CHECK(strstr(error, "No space left on device") && strstr(error, "memory alone"));
    CHECK(spool_set_reason(s, "undelivered"));
    spool_close(s);
    if (CHECK_INT(n_listed(&items), 1)) {
        CHECK_INT(items[0].n_samples, n);
        CHECK_STR(items[0].reason, "undelivered");
        CHECK_INT(kit_read(items[0].path), n);
        /* full from the first byte on */
        char path[320];
        snprintf(path, sizeof path, "%s/filler", disk);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        char byte[4096] = {1};
        while (write(fd, byte, sizeof byte) > 0)
            ;
        close(fd);
        CHECK(!spool_create(folder, &(spoken_as){0}, error));
        CHECK(strstr(error, "No space left on device") && strstr(error, folder));
        CHECK_INT(kit_n_files(folder), 1); /* nothing half made */
        CHECK(spool_forget(items[0].path, error));
        unlink(path);
    }
    spool_items_free(items, 1);
}

static void a_disk_that_becomes_read_only(void)
{
    spool *s = spool_create(folder, &(spoken_as){0}, error);
    spool_item *items;
    if (!CHECK(s && kit_write(s, 0, 1000, error)))
        return;
    spool_close(s);
    CHECK_INT(mount(NULL, disk, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    CHECK(!spool_create(folder, &(spoken_as){0}, error));
    CHECK(strstr(error, "Read-only file system") != NULL);
    if (CHECK_INT(n_listed(&items), 1)) {
        CHECK_INT(kit_read(items[0].path), 1000);
        CHECK(!spool_forget(items[0].path, error));
        CHECK(strstr(error, "Read-only file system") && strstr(error, items[0].path));
        CHECK_INT(spool_sweep(folder, INT64_MAX / 2, 0), 0);
    }
    spool_items_free(items, 1);
}

int main(void)
{
    char size[64];
    if (geteuid() != 0)
        return check_skip_all("only root may mount a small file system");
    kit_make_folder(disk, sizeof disk);
    snprintf(folder, sizeof folder, "%s/state/spool", disk);
    snprintf(size, sizeof size, "size=%d", DISK_BYTES);
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0
        || mount("spool-test", disk, "tmpfs", 0, size) != 0) {
        rmdir(disk);
        return check_skip_all("no file system can be mounted here");
    }
    RUN(a_disk_that_fills_up);
    RUN(a_disk_that_becomes_read_only);
    umount2(disk, MNT_DETACH);
    rmdir(disk);
    return check_done();
}
