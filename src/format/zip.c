/* SPDX-License-Identifier: MIT
 *
 * The index of a zip archive in memory, by its central directory. Local headers are read for the length of their name
 * and extra fields alone (PyTorch pads the extra field so that each storage starts at a multiple of 64); their sizes
 * are zero there, because a data descriptor follows the data.
 *
 * Everything is checked before it is used: each entry lies before the directory, no two overlap, no name occurs twice.
 * Checksums are not: summing 2.5 GB of weights would cost more than loading them. Source: PKWARE APPNOTE 6.3.10.
 */
#include "format/inside.h"

enum { END_BYTES = 22, END64_BYTES = 56, LOCATOR_BYTES = 20, CENTRAL_BYTES = 46, LOCAL_BYTES = 30 };
enum { MAX_ENTRIES = 200000, MAX_COMMENT = 65535, ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13 };
#define END_MAGIC     0x06054b50u
#define END64_MAGIC   0x06064b50u
#define LOCATOR_MAGIC 0x07064b50u
#define CENTRAL_MAGIC 0x02014b50u
#define LOCAL_MAGIC   0x04034b50u

typedef struct reader {
    csi_arena *arena;
    const char *label;
    const uint8_t *data;
    size_t size;
    uint64_t n_entries, directory, directory_bytes; /* where the central directory is */
    cs_error *err;
} reader;

static cs_err damaged(reader *r, size_t at, const char *what)
{
    return csi_fail(r->err, CS_EMODEL, (int64_t)at, "%s: the zip is damaged: %s at byte %zu of %zu", r->label, what, at,
                    r->size);
}

/* The end record is at the end, but for a comment. */
static bool find_end(const reader *r, size_t *end)
{
    if (r->size < END_BYTES)
        return false;
    size_t last = r->size - END_BYTES, lowest = last > MAX_COMMENT ? last - MAX_COMMENT : 0;
    for (size_t at = last + 1; at-- > lowest;) {
        if (csi_le32(r->data + at) == END_MAGIC && csi_le16(r->data + at + 20) == last - at) {
            *end = at;
            return true;
        }
    }
    return false;
}

/* Zip64: the fields that did not fit, through the locator in front of the end record. */
static cs_err read_end64(reader *r, size_t end, size_t *before)
{
    size_t at = end - LOCATOR_BYTES;
    uint64_t record = csi_le64(r->data + at + 8);
    if (csi_le32(r->data + at + 4) != 0 || csi_le32(r->data + at + 16) > 1)
        return damaged(r, at, "more than one disk");
    if (at < END64_BYTES || record > at - END64_BYTES || csi_le32(r->data + record) != END64_MAGIC)
        return damaged(r, at, "no Zip64 end record where its locator points to");
    const uint8_t *p = r->data + record;
    if (csi_le32(p + 16) != 0 || csi_le32(p + 20) != 0 || csi_le64(p + 24) != csi_le64(p + 32))
        return damaged(r, (size_t)record, "more than one disk");
    r->n_entries = csi_le64(p + 32);
    r->directory_bytes = csi_le64(p + 40);
    r->directory = csi_le64(p + 48);
    *before = (size_t)record;
    return CS_OK;
}

static cs_err read_end(reader *r)
{
    size_t end;
    if (!find_end(r, &end))
        return csi_fail(r->err, CS_EMODEL, (int64_t)r->size,
                        "%s: the zip has no end record in %zu bytes (cut off?), expected a PyTorch checkpoint",
                        r->label, r->size);
    const uint8_t *p = r->data + end;
    size_t before = end;
    uint16_t disk = csi_le16(p + 4), directory_disk = csi_le16(p + 6);
    r->n_entries = csi_le16(p + 10);
    r->directory_bytes = csi_le32(p + 12);
    r->directory = csi_le32(p + 16);
    bool full = r->n_entries == 0xFFFF || r->directory_bytes == 0xFFFFFFFF || r->directory == 0xFFFFFFFF;
    if (full && end >= LOCATOR_BYTES && csi_le32(p - LOCATOR_BYTES) == LOCATOR_MAGIC) {
        cs_err code = read_end64(r, end, &before);
        if (code != CS_OK)
            return code;
    } else if (disk != 0 || directory_disk != 0 || csi_le16(p + 8) != r->n_entries) {
        return damaged(r, end, "more than one disk");
    }
    if (r->directory > before || r->directory_bytes > before - r->directory)
        return damaged(r, end, "a central directory outside of the file");
    if (r->n_entries > MAX_ENTRIES || r->n_entries > r->directory_bytes / CENTRAL_BYTES)
        return damaged(r, end, "more entries than the central directory can hold");
    return CS_OK;
}

/* Extra field 1 holds, in this order, those of size, packed size and offset that are all ones in the directory. */
static bool read_extra64(const uint8_t *extra, size_t size, uint64_t *fields[3], const bool wanted[3])
{
    if (!wanted[0] && !wanted[1] && !wanted[2])
        return true;
    while (size >= 4) {
        uint16_t id = csi_le16(extra);
        size_t n_bytes = csi_le16(extra + 2);
        extra += 4;
        size -= 4;
        if (n_bytes > size)
            return false;
        if (id == 1) {
            for (int i = 0; i < 3; i++) {
                if (!wanted[i])
                    continue;
                if (n_bytes < 8)
                    return false;
                *fields[i] = csi_le64(extra);
                extra += 8;
                n_bytes -= 8;
            }
            return true;
        }
        extra += n_bytes;
        size -= n_bytes;
    }
    return false;
}

/* Find the entry's bytes behind its local header. They must end before the central directory. */
static cs_err locate(reader *r, csi_zip_entry *entry, uint64_t packed_size, uint64_t size)
{
    if (r->directory < LOCAL_BYTES || entry->header > r->directory - LOCAL_BYTES)
        return damaged(r, (size_t)r->directory, "an entry that starts outside of the file");
    size_t at = (size_t)entry->header;
    const uint8_t *p = r->data + at;
    size_t name_bytes = csi_le16(p + 26), extra_bytes = csi_le16(p + 28), room = (size_t)r->directory - at;
    if (csi_le32(p) != LOCAL_MAGIC)
        return damaged(r, at, "no local header");
    if (name_bytes + extra_bytes > room - LOCAL_BYTES || packed_size > room - LOCAL_BYTES - name_bytes - extra_bytes)
        return damaged(r, at, "an entry that ends outside of the file");
    if (name_bytes != entry->name_bytes || memcmp(p + LOCAL_BYTES, entry->name, name_bytes) != 0)
        return damaged(r, at, "a local header with another name than the central directory's");
    if (entry->method == 0 && size != packed_size)
        return damaged(r, at, "a stored entry with two sizes");
    if (size > SIZE_MAX / 2)
        return damaged(r, at, "an entry too large for this machine");
    entry->data = p + LOCAL_BYTES + name_bytes + extra_bytes;
    entry->packed_size = (size_t)packed_size;
    entry->size = (size_t)size;
    return CS_OK;
}

/* One central header at *at; moves *at behind it. */
static cs_err read_central(reader *r, size_t *at, csi_zip_entry *entry)
{
    size_t end = (size_t)(r->directory + r->directory_bytes);
    const uint8_t *p = r->data + *at;
    if (end - *at < CENTRAL_BYTES || csi_le32(p) != CENTRAL_MAGIC)
        return damaged(r, *at, "no central header");
    size_t name_bytes = csi_le16(p + 28), extra_bytes = csi_le16(p + 30), comment_bytes = csi_le16(p + 32);
    if (name_bytes + extra_bytes + comment_bytes > end - *at - CENTRAL_BYTES)
        return damaged(r, *at, "a central header that is cut off");
    entry->name = (const char *)p + CENTRAL_BYTES;
    entry->name_bytes = (uint32_t)name_bytes;
    entry->method = csi_le16(p + 10);
    entry->crc = csi_le32(p + 16);
    if (csi_le16(p + 8) & ENCRYPTED) {
        csi_quote quote;
        return csi_fail(r->err, CS_EUNSUPPORTED, (int64_t)*at, "%s: the zip entry \"%s\" is encrypted", r->label,
                        csi_quote_bytes(&quote, entry->name, name_bytes));
    }
    uint64_t size = csi_le32(p + 24), packed_size = csi_le32(p + 20);
    entry->header = csi_le32(p + 42);
    uint64_t *fields[3] = {&size, &packed_size, &entry->header};
    const bool wanted[3] = {size == 0xFFFFFFFF, packed_size == 0xFFFFFFFF, entry->header == 0xFFFFFFFF};
    if (!read_extra64(p + CENTRAL_BYTES + name_bytes, extra_bytes, fields, wanted))
        return damaged(r, *at, "a Zip64 entry without its sizes");
    *at += CENTRAL_BYTES + name_bytes + extra_bytes + comment_bytes;
    return locate(r, entry, packed_size, size);
}

/* Entries are checked against each other in the order of the file: of offsets that are sorted, neighbours suffice.
 * Writers list them in order, so the insertion below moves nothing; the bound stops those who do not. */
static cs_err refuse_overlaps(reader *r, const csi_zip *zip)
{
    const csi_zip_entry **order = csi_alloc_array(r->arena->env, zip->n_entries, sizeof *order);
    if (!order)
        return csi_fail_memory(r->err, zip->n_entries * sizeof *order, "the zip's index");
    cs_err code = CS_OK;
    size_t n_moves = 0;
    for (size_t i = 0; i < zip->n_entries && code == CS_OK; i++) {
        size_t k = i;
        for (; k > 0 && order[k - 1]->header > zip->entries[i].header; k--) {
            order[k] = order[k - 1];
            n_moves++;
        }
        order[k] = &zip->entries[i];
        if (n_moves > 64 * (size_t)MAX_ENTRIES)
            code = damaged(r, (size_t)r->directory, "a central directory out of order");
    }
    for (size_t i = 1; i < zip->n_entries && code == CS_OK; i++) {
        const csi_zip_entry *last = order[i - 1];
        if (last->data + last->packed_size > r->data + order[i]->header)
            code = damaged(r, (size_t)order[i]->header, "two entries that overlap");
    }
    csi_free(r->arena->env, order);
    return code;
}

cs_err csi_zip_index(csi_arena *arena, const char *label, const uint8_t *data, size_t size, csi_zip *zip, cs_error *err)
{
    reader r = {.arena = arena, .label = label, .data = data, .size = size, .err = err};
    *zip = (csi_zip){0};
    cs_err code = read_end(&r);
    if (code != CS_OK)
        return code;
    size_t n = (size_t)r.n_entries, at = (size_t)r.directory;
    zip->entries = csi_arena_array(arena, n, sizeof *zip->entries);
    zip->names = csi_arena_array(arena, n, sizeof *zip->names);
    if (!zip->entries || !zip->names)
        return csi_fail_memory(err, n * (sizeof *zip->entries + sizeof *zip->names), "the zip's index");
    for (; zip->n_entries < n; zip->n_entries++) {
        csi_zip_entry *entry = &zip->entries[zip->n_entries];
        code = read_central(&r, &at, entry);
        if (code != CS_OK)
            return code;
        zip->names[zip->n_entries] = (csi_name){entry->name, entry->name_bytes, (uint32_t)zip->n_entries};
    }
    csi_names_sort(zip->names, n);
    const csi_name *twice = csi_names_duplicate(zip->names, n);
    if (twice) {
        csi_quote quote;
        return csi_fail(err, CS_EMODEL, -1, "%s: the zip holds \"%s\" twice, expected once", label,
                        csi_quote_bytes(&quote, twice->text, twice->n_bytes));
    }
    return refuse_overlaps(&r, zip);
}

const csi_zip_entry *csi_zip_find(const csi_zip *zip, const char *name, size_t name_bytes)
{
    const csi_name *found = csi_names_find(zip->names, zip->n_entries, name, name_bytes);
    return found ? &zip->entries[found->index] : NULL;
}
