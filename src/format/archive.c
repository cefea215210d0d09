/* SPDX-License-Identifier: MIT
 *
 * A .nemo file as one object. The file is mapped and indexed: tar headers, the config's text, the zip directory and
 * data.pkl are all that is read, so opening costs milliseconds whatever the weights weigh. Nothing is extracted.
 *
 * A gzip'd archive (NeMo before 1.7) is inflated into memory, since its weights cannot be used in place.
 */
#include "format/inside.h"

#include <stdio.h>

static const char config_name[] = "model_config.yaml", weights_name[] = "model_weights.ckpt";

/* ------------------------------------------------------------------- open */

/* The path as messages show it: its end matters, and the message needs room for the rest of the sentence. */
static const char *make_label(csi_arena *arena, const char *path)
{
    enum { MAX_LABEL = 200 };
    size_t n_bytes = strlen(path), from = 0;
    if (n_bytes > MAX_LABEL) {
        from = n_bytes - MAX_LABEL;
        while (path[from] && ((unsigned char)path[from] & 0xC0) == 0x80)
            from++;
    }
    char *label = csi_arena_alloc(arena, MAX_LABEL + 8);
    if (!label)
        return NULL;
    if (from)
        memcpy(label, "...", 3);
    csi_printable(label + (from ? 3 : 0), MAX_LABEL + 1, path + from, n_bytes - from);
    return label;
}

static cs_err open_config(csi_archive *a, cs_error *err)
{
    const csi_tar_member *member = csi_tar_find(&a->tar, a->config_name);
    csi_quote quote = {"nothing"};
    if (a->tar.n_members)
        csi_quote_bytes(&quote, a->tar.members[0].name, strlen(a->tar.members[0].name));
    if (!member)
        return csi_fail(err, CS_EMODEL, -1,
                        "%s: the archive of %zu files (first: %s) holds no %s, expected a NeMo model", a->label,
                        a->tar.n_members, quote.text, a->config_name);
    const char *label = csi_arena_printf(&a->arena, "%s: %s", a->label, a->config_name);
    if (!label)
        return csi_fail_memory(err, strlen(a->label), "the configuration's name");
    cs_err code = csi_yaml_parse(&a->arena, label, member->data, member->size, &a->config, err);
    if (code != CS_OK)
        return code;
    if (a->config->kind != CSI_NODE_MAP)
        return csi_fail(err, CS_EMODEL, 1, "%s: is not a map of keys, expected a NeMo model's configuration", label);
    return CS_OK;
}

static cs_err open_weights(csi_archive *a, cs_error *err)
{
    static const char folder[] = "model_weights/";
    const csi_tar_member *member = csi_tar_find(&a->tar, a->weights_name);
    for (size_t i = 0; !member && i < a->tar.n_members; i++)
        if (strncmp(a->tar.members[i].name, folder, sizeof folder - 1) == 0)
            return csi_fail(err, CS_EUNSUPPORTED, -1,
                            "%s: holds a distributed checkpoint (folder %s), expected one file %s", a->label, folder,
                            a->weights_name);
    if (!member)
        return csi_fail(err, CS_EMODEL, -1, "%s: the archive holds no %s, expected a NeMo model%s", a->label,
                        a->weights_name, a->tar.ended ? "" : " (an incomplete download?)");
    const char *label = csi_arena_printf(&a->arena, "%s: %s", a->label, a->weights_name);
    if (!label)
        return csi_fail_memory(err, strlen(a->label), "the weights' name");
    cs_err code = csi_checkpoint_index(&a->arena, label, member->data, member->size, &a->weights, err);
    if (code != CS_OK)
        return code;
    a->copies = csi_arena_array(&a->arena, a->weights.n_tensors, sizeof *a->copies);
    return a->copies ? CS_OK : csi_fail_memory(err, a->weights.n_tensors * sizeof *a->copies, "the weights' index");
}

/* Of scalars "nemo:NAME", NAME; else NULL. */
static const char *artifact_name(const csi_node *node)
{
    const char *text = csi_node_text(node);
    return text && strncmp(text, "nemo:", 5) == 0 ? text + 5 : NULL;
}

/* A tar without its closing block may have lost members at a block's edge. The config tells which there should be.
 * The tree is walked without recursion: csi_yaml_parse() bounds its depth. */
static cs_err check_artifacts(const csi_archive *a, cs_error *err)
{
    const csi_node *up[80];
    size_t n_up = 0;
    for (const csi_node *node = a->config; node;) {
        const char *name = artifact_name(node);
        const uint8_t *data;
        size_t size;
        if (name && csi_archive_member(a, name, &data, &size, NULL) != CS_OK) {
            csi_quote quote;
            return csi_fail(err, CS_EMODEL, a->file_bytes,
                            "%s: breaks off at byte %lld: \"%s\", which %s names, is missing (an incomplete download?)",
                            a->label, (long long)a->file_bytes, csi_quote_bytes(&quote, name, strlen(name)),
                            a->config_name);
        }
        if (node->first && n_up < CSI_COUNT(up)) {
            up[n_up++] = node;
            node = node->first;
            continue;
        }
        while (!node->next && n_up > 0)
            node = up[--n_up];
        node = n_up > 0 ? node->next : NULL;
    }
    return CS_OK;
}

static cs_err open_bytes(csi_archive *a, const uint8_t *data, size_t size, cs_error *err)
{
    a->file_bytes = (int64_t)size;
    if (size >= 2 && data[0] == 0x1F && data[1] == 0x8B) {
        cs_err code = csi_gunzip(a->env, a->label, data, size, &a->inflated, err);
        if (code != CS_OK)
            return code;
        data = (const uint8_t *)a->inflated.data;
        size = a->inflated.size;
        csi_file_close(a->env, &a->file);
    }
    bool says_tar = size >= 512 && memcmp(data + 257, "ustar", 5) == 0;
    if (!says_tar && !csi_tar_begins(data, size))
        return csi_fail_not_an_archive(a->label, data, size, err);
    cs_err code = csi_tar_index(&a->arena, a->label, data, size, &a->tar, err);
    if (code == CS_OK)
        code = open_config(a, err);
    if (code == CS_OK)
        code = open_weights(a, err);
    if (code == CS_OK && !a->tar.ended)
        code = check_artifacts(a, err);
    return code;
}

static cs_err create(const csi_env *env, const char *path, csi_archive **archive, cs_error *err)
{
    csi_archive *a = csi_alloc_zero(env, sizeof *a);
    *archive = a;
    if (!a)
        return csi_fail_memory(err, sizeof *a, "the archive");
    a->env = env;
    a->config_name = config_name;
    a->weights_name = weights_name;
    csi_arena_init(&a->arena, env);
    csi_buf_init(&a->inflated, env);
    a->path = csi_arena_text(&a->arena, path, strlen(path));
    a->label = a->path ? make_label(&a->arena, path) : NULL;
    return a->label ? CS_OK : csi_fail_memory(err, strlen(path), "the archive's name");
}

static cs_err opened(csi_archive *a, cs_err code, csi_archive **archive)
{
    if (code != CS_OK) {
        csi_archive_close(a);
        a = NULL;
    }
    *archive = a;
    return code;
}

cs_err csi_archive_open(const csi_env *env, const char *path, csi_archive **archive, cs_error *err)
{
    csi_archive *a;
    cs_err code = create(env, path, &a, err);
    if (code == CS_OK)
        code = csi_file_open(env, path, &a->file, err);
    if (code == CS_OK)
        if (code == CS_OK) {
            a->stamp = a->file.stamp;
            code = open_bytes(a, a->file.data, a->file.size, err);
        }
    return opened(a, code, archive);
}

cs_err csi_archive_open_memory(const csi_env *env, const char *name, const void *data, size_t size,
                               csi_archive **archive, cs_error *err)
{
    csi_archive *a;
    cs_err code = create(env, name, &a, err);
    if (code == CS_OK)
        code = open_bytes(a, data, size, err);
    return opened(a, code, archive);
}

/* A copy of PREFIX and SUFFIX; NULL: out of memory. */
static const char *joined(csi_archive *a, const char *prefix, const char *suffix)
{
    return csi_arena_printf(&a->arena, "%s%s", prefix, suffix);
}

static cs_err open_part(csi_archive *a, const csi_archive *whole, const char *name, cs_error *err)
{
    a->whole = whole;
    a->stamp = whole->stamp;
    a->file = whole->file;
    a->file_bytes = whole->file_bytes;
    a->tar = whole->tar;
    a->config_name = joined(a, name, "_config.yaml");
    a->weights_name = joined(a, name, "_weights.ckpt");
    if (!a->config_name || !a->weights_name)
        return csi_fail_memory(err, strlen(name), "the part's name");
    cs_err code = open_config(a, err);
    if (code == CS_OK)
        code = open_weights(a, err);
    if (code == CS_OK && !a->tar.ended)
        code = check_artifacts(a, err);
    return code;
}

bool csi_archive_has_part(const csi_archive *whole, const char *name)
{
    static const char *const suffixes[] = {"_config.yaml", "_weights.ckpt"};
    char member[256];
    bool has = strlen(name) < 200;
    for (size_t i = 0; i < CSI_COUNT(suffixes) && has; i++) {
        snprintf(member, sizeof member, "%s%s", name, suffixes[i]);
        has = csi_tar_find(&whole->tar, member) != NULL;
    }
    return has;
}

cs_err csi_archive_part(const csi_archive *whole, const char *name, csi_archive **part, cs_error *err)
{
    csi_archive *a;
    csi_buf path;
    csi_buf_init(&path, whole->env);
    csi_buf_printf(&path, "%s (%s)", whole->path, name);
    cs_err code = path.failed ? csi_fail_memory(err, strlen(whole->path), "the part's name")
                              : create(whole->env, path.data, &a, err);
    if (path.failed)
        a = NULL;
    else if (code == CS_OK)
        code = open_part(a, whole, name, err);
    csi_buf_finish(&path);
    return opened(a, code, part);
}

void csi_archive_close(csi_archive *a)
{
    if (!a)
        return;
    for (size_t i = 0; a->copies && i < a->weights.n_tensors; i++)
        csi_free(a->env, a->copies[i]);
    if (!a->whole)
        csi_file_close(a->env, &a->file);
    csi_buf_finish(&a->inflated);
    csi_arena_finish(&a->arena);
    csi_free(a->env, a);
}

/* ---------------------------------------------------------------- queries */

const csi_node *csi_archive_config(const csi_archive *a)
{
    const csi_node *inner = csi_node_at(a->config, "model");
    bool nested = inner && inner->kind == CSI_NODE_MAP && !csi_node_at(a->config, "encoder");
    return nested ? inner : a->config;
}

const char *csi_archive_path(const csi_archive *a)
{
    return a->path;
}

const char *csi_archive_config_name(const csi_archive *a)
{
    return a->config_name;
}

int64_t csi_archive_file_bytes(const csi_archive *a)
{
    return a->file_bytes;
}

int64_t csi_archive_copied_bytes(const csi_archive *a)
{
    return a->copied_bytes;
}

size_t csi_archive_n_tensors(const csi_archive *a)
{
    return a->weights.n_tensors;
}

const csi_tensor *csi_archive_tensor_at(const csi_archive *a, size_t index)
{
    return index < a->weights.n_tensors ? &a->weights.tensors[index] : NULL;
}

const csi_tensor *csi_archive_tensor(const csi_archive *a, const char *name)
{
    const csi_name *found = csi_names_find(a->weights.names, a->weights.n_tensors, name, strlen(name));
    return found ? &a->weights.tensors[found->index] : NULL;
}

cs_err csi_archive_member(const csi_archive *a, const char *name, const uint8_t **data, size_t *size, cs_error *err)
{
    if (strncmp(name, "nemo:", 5) == 0)
        name += 5;
    while (name[0] == '.' && name[1] == '/')
        name += 2;
    const csi_tar_member *member = csi_tar_find(&a->tar, name);
    const char *slash = strrchr(name, '/');
    if (!member && slash)
        member = csi_tar_find(&a->tar, slash + 1);
    csi_quote quote;
    if (!member)
        return csi_fail(err, CS_EMODEL, -1, "%s: the archive holds no file \"%s\"", a->label,
                        csi_quote_bytes(&quote, name, strlen(name)));
    *data = member->data;
    *size = member->size;
    return CS_OK;
}
