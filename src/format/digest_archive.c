/* SPDX-License-Identifier: MIT
 *
 * A model's identity without reading its weights, for what is remembered of a model (packed weights).
 *
 * The weights' bytes stand in by the CRC-32s that the zip directory states. That is enough against everything that happens to a
 * model by itself: another version of it, a file copied over it, a download that went on. It is not proof against somebody who
 * makes a file of the same size, time and CRC-32s on purpose: who can write the model's file can give it any weights
 * anyway. A bit that rots on the disk changes neither, and is not seen, as it is not when f32 weights are used in place. */
#include "format/inside.h"

#include <nettle/sha2.h>

typedef struct sha256_ctx sha256;

static void add_bytes(sha256 *h, const void *data, size_t size)
{
    const uint64_t n = size; /* in front of the bytes, so that no two lists of them look alike */
    sha256_update(h, sizeof n, (const uint8_t *)&n);
    if (size)
        sha256_update(h, size, data);
}

static void add_number(sha256 *h, uint64_t value)
{
    sha256_update(h, sizeof value, (const uint8_t *)&value);
}

/* Storages are ROOT/data/KEY. */
static bool is_storage(const csi_zip_entry *entry)
{
    static const char folder[] = "/data/";
    const size_t n = sizeof folder - 1;
    for (size_t i = 0; i + n <= entry->name_bytes; i++)
        if (memcmp(entry->name + i, folder, n) == 0)
            return true;
    return false;
}

/* Whether every storage has a CRC-32: one of zero is as rare as any other. */
static bool add_checkpoint(sha256 *h, const csi_zip *zip)
{
    bool summed = true;
    add_number(h, zip->n_entries);
    for (size_t i = 0; i < zip->n_entries; i++) {
        const csi_zip_entry *entry = &zip->entries[i];
        add_bytes(h, entry->name, entry->name_bytes);
        add_number(h, entry->method);
        add_number(h, entry->crc);
        add_number(h, entry->header);
        add_number(h, entry->packed_size);
        add_number(h, entry->size);
        if (!is_storage(entry))
            add_bytes(h, entry->data, entry->packed_size);
        else if (entry->size && entry->crc == 0)
            summed = false;
    }
    return summed;
}

/* An archive's own, or that of a model inside it. */
static bool is_checkpoint(const char *name)
{
    static const char end[] = "_weights.ckpt";
    const size_t n = strlen(name), n_end = sizeof end - 1;
    return n >= n_end && strcmp(name + n - n_end, end) == 0;
}

void csi_archive_digest(const csi_archive *a, const void *more, size_t more_bytes, uint8_t digest[CSI_DIGEST_BYTES])
{
    sha256 h;
    sha256_init(&h);
    add_bytes(&h, more, more_bytes);
    add_number(&h, (uint64_t)a->stamp.bytes);
    add_number(&h, (uint64_t)a->stamp.mtime_ns);
    for (size_t i = 0; i < a->tar.n_members; i++) {
        const csi_tar_member *member = &a->tar.members[i];
        add_bytes(&h, member->name, strlen(member->name));
        if (is_checkpoint(member->name))
            add_number(&h, member->size);
        else
            add_bytes(&h, member->data, member->size);
    }
    if (!add_checkpoint(&h, &a->weights.zip)) {
        add_number(&h, (uint64_t)a->stamp.ctime_ns);
        add_number(&h, a->stamp.device);
        add_number(&h, a->stamp.inode);
    }
    sha256_digest(&h, CSI_DIGEST_BYTES, digest);
}
