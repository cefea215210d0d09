/* SPDX-License-Identifier: MIT
 * A PyTorch checkpoint (torch.save since 1.6): a zip with <root>/data.pkl, <root>/data/<key> for each storage and,
 * in newer ones, <root>/byteorder. <root> comes from the file name at the time of saving, so it is found, not known. */
#include "format/inside.h"

/* A checkpoint of 100,000 tensors has a pickle of about 30 MB. */
enum { MAX_PICKLE = 64 << 20, MAX_NAME = 256 };

typedef struct checkpoint {
    const char *label;
    csi_zip zip;
    const char *root; /* root_bytes, with the final '/' */
    size_t root_bytes;
    char *path; /* the root and room for MAX_NAME bytes below it */
} checkpoint;

static bool ends_with(const csi_zip_entry *entry, const char *tail)
{
    size_t n = strlen(tail);
    return entry->name_bytes >= n && memcmp(entry->name + entry->name_bytes - n, tail, n) == 0;
}

static const csi_zip_entry *find_pickle(checkpoint *c, cs_error *err)
{
    const csi_zip_entry *pickle = NULL;
    for (size_t i = 0; i < c->zip.n_entries; i++) {
        const csi_zip_entry *entry = &c->zip.entries[i];
        if (!ends_with(entry, "/data.pkl"))
            continue;
        if (pickle) {
            csi_fail(err, CS_EMODEL, -1, "%s: the zip holds more than one data.pkl, expected one", c->label);
            return NULL;
        }
        pickle = entry;
    }
    if (!pickle) {
        csi_fail(err, CS_EMODEL, -1, "%s: the zip of %zu entries holds no data.pkl, expected a PyTorch checkpoint",
                 c->label, c->zip.n_entries);
        return NULL;
    }
    c->root = pickle->name;
    c->root_bytes = pickle->name_bytes - strlen("data.pkl");
    return pickle;
}

/* The entry of that name below the root, or NULL. */
static const csi_zip_entry *find_below(checkpoint *c, const char *folder, const char *name, size_t name_bytes)
{
    size_t folder_bytes = strlen(folder);
    if (folder_bytes + name_bytes > MAX_NAME)
        return NULL;
    memcpy(c->path + c->root_bytes, folder, folder_bytes);
    memcpy(c->path + c->root_bytes + folder_bytes, name, name_bytes);
    return csi_zip_find(&c->zip, c->path, c->root_bytes + folder_bytes + name_bytes);
}

static cs_err check_byteorder(checkpoint *c, cs_error *err)
{
    const csi_zip_entry *entry = find_below(c, "", "byteorder", strlen("byteorder"));
    if (!entry || (entry->method == 0 && entry->size == 6 && memcmp(entry->data, "little", 6) == 0))
        return CS_OK;
    csi_quote quote;
    return csi_fail(err, CS_EUNSUPPORTED, -1, "%s: the checkpoint's byte order is \"%s\", expected \"little\"",
                    c->label, csi_quote_bytes(&quote, entry->data, CSI_MIN(entry->packed_size, (size_t)32)));
}

static cs_err find_storage(void *context, const char *key, size_t key_bytes, const uint8_t **data, size_t *size,
                           cs_error *err)
{
    checkpoint *c = context;
    csi_quote quote;
    const csi_zip_entry *entry = find_below(c, "data/", key, key_bytes);
    if (!entry)
        return csi_fail(err, CS_EMODEL, -1, "%s: the storage \"%s\" is missing, expected the zip entry data/%s",
                        c->label, csi_quote_bytes(&quote, key, key_bytes), quote.text);
    if (entry->method != 0)
        return csi_fail(err, CS_EUNSUPPORTED, -1,
                        "%s: the storage \"%s\" is compressed (zip method %u), expected it stored", c->label,
                        csi_quote_bytes(&quote, key, key_bytes), entry->method);
    *data = entry->data;
    *size = entry->size;
    return CS_OK;
}

static cs_err read_pickle(checkpoint *c, csi_arena *arena, const csi_zip_entry *pickle, csi_tensor_list *list,
                          cs_error *err)
{
    if (pickle->size > MAX_PICKLE || pickle->packed_size > MAX_PICKLE)
        return csi_fail(err, CS_EMODEL, -1, "%s: data.pkl has %zu bytes, expected at most %d", c->label, pickle->size,
                        MAX_PICKLE);
    if (pickle->method == 0)
        return csi_pickle_read(arena, c->label, pickle->data, pickle->size, find_storage, c, list, err);
    if (pickle->method != 8)
        return csi_fail(err, CS_EUNSUPPORTED, -1, "%s: data.pkl is compressed by zip method %u, expected 0 or 8",
                        c->label, pickle->method);
    uint8_t *plain = csi_alloc(arena->env, pickle->size);
    if (!plain)
        return csi_fail_memory(err, pickle->size, "data.pkl");
    cs_err code = csi_inflate(arena->env, c->label, pickle->data, pickle->packed_size, plain, pickle->size, err);
    if (code == CS_OK)
        code = csi_pickle_read(arena, c->label, plain, pickle->size, find_storage, c, list, err);
    csi_free(arena->env, plain);
    return code;
}

cs_err csi_checkpoint_index(csi_arena *arena, const char *label, const uint8_t *data, size_t size,
                            csi_tensor_list *list, cs_error *err)
{
    checkpoint c = {.label = label};
    *list = (csi_tensor_list){0};
    if (size >= 2 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5)
        return csi_fail(err, CS_EUNSUPPORTED, 0,
                        "%s: is a bare pickle, as PyTorch saved before 1.6, expected a zip checkpoint", label);
    cs_err code = csi_zip_index(arena, label, data, size, &c.zip, err);
    if (code != CS_OK)
        return code;
    const csi_zip_entry *pickle = find_pickle(&c, err);
    if (!pickle)
        return CS_EMODEL;
    c.path = csi_arena_alloc(arena, c.root_bytes + MAX_NAME);
    if (!c.path)
        return csi_fail_memory(err, c.root_bytes + MAX_NAME, "a storage's name");
    memcpy(c.path, c.root, c.root_bytes);
    code = check_byteorder(&c, err);
    if (code == CS_OK)
        code = read_pickle(&c, arena, pickle, list, err);
    list->zip = c.zip;
    return code;
}
