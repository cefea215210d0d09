/* SPDX-License-Identifier: MIT
 * Taking numbers and weights from an archive with one sentence when something is not as it must be. */
#include "nn/nn.h"

#include <stdio.h>

static const char *file(const csi_loader *loader)
{
    return csi_archive_path(loader->archive);
}

/* name is the tensor's, written out. values NULL: csi_load_values() will get them. */
static cs_err load(csi_loader *loader, const float **values, int32_t n_dims, const int64_t *dims, const char *name)
{
    cs_err code = csi_archive_f32(loader->archive, name, n_dims, dims, values, loader->err);
    if (code)
        return code;
    const csi_tensor *tensor = csi_archive_tensor(loader->archive, name);
    csi_weights_used *used = csi_arena_alloc(loader->arena, sizeof *used);
    if (!used)
        return csi_fail_memory(loader->err, sizeof *used, "the list of weights");
    *used = (csi_weights_used){.next = loader->used,
                               .name = tensor->name,
                               .values = values ? *values : NULL,
                               .n = tensor->n_elements,
                               .n_in = 1};
    loader->used = used;
    loader->n_parameters += tensor->n_elements;
    return CS_OK;
}

cs_err csi_load_weight(csi_loader *loader, const float **values, int32_t n_dims, const int64_t *dims, const char *name,
                       ...)
{
    char text[256];
    va_list args;
    va_start(args, name);
    vsnprintf(text, sizeof text, name, args);
    va_end(args);
    return load(loader, values, n_dims, dims, text);
}

cs_err csi_load_dense(csi_loader *loader, csi_dense_weights *weights, int32_t n_dims, const int64_t *dims,
                      const char *name, ...)
{
    char text[256];
    va_list args;
    va_start(args, name);
    vsnprintf(text, sizeof text, name, args);
    va_end(args);
    cs_err code = load(loader, NULL, n_dims, dims, text);
    if (code)
        return code;
    loader->used->dense = weights;
    for (int32_t i = 1; i < n_dims; i++)
        loader->used->n_in *= dims[i];
    return CS_OK;
}

cs_err csi_load_values(csi_loader *loader, csi_weights_used *used)
{
    const csi_tensor *tensor = csi_archive_tensor(loader->archive, used->name);
    if (used->values)
        return CS_OK;
    return csi_archive_f32(loader->archive, used->name, tensor->n_dims, tensor->dims, &used->values, loader->err);
}

bool csi_load_has(const csi_loader *loader, const char *name, ...)
{
    char text[256];
    va_list args;
    va_start(args, name);
    vsnprintf(text, sizeof text, name, args);
    va_end(args);
    return csi_archive_tensor(loader->archive, text) != NULL;
}

static const csi_node *find(const csi_loader *loader, const char *path)
{
    const csi_node *node = csi_node_at(csi_archive_config(loader->archive), path);
    return csi_node_is_null(node) ? NULL : node;
}

static cs_err absent(csi_loader *loader, const char *path)
{
    return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s has no %s", file(loader),
                    csi_archive_config_name(loader->archive), path);
}

static cs_err wrong(csi_loader *loader, const csi_node *node, const char *path, const char *expected)
{
    char met[80];
    const char *text = csi_node_text(node);
    return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s line %zu: %s is %s, expected %s", file(loader),
                    csi_archive_config_name(loader->archive), node->line, path,
                    text ? csi_printable(met, sizeof met, text, strlen(text)) : "a list or map", expected);
}

cs_err csi_load_int(csi_loader *loader, const char *path, bool required, int64_t least, int64_t most, int64_t *value)
{
    const csi_node *node = find(loader, path);
    if (!node)
        return required ? absent(loader, path) : CS_OK;
    int64_t met;
    double real;
    bool ok = csi_node_int(node, &met);
    if (!ok && csi_node_double(node, &real) && real >= -1e15 && real <= 1e15 && real == (double)(int64_t)real) {
        met = (int64_t)real; /* "4.0" */
        ok = true;
    }
    if (!ok || met < least || met > most) {
        char expected[80];
        snprintf(expected, sizeof expected, "a whole number from %lld to %lld", (long long)least, (long long)most);
        return wrong(loader, node, path, expected);
    }
    *value = met;
    return CS_OK;
}

cs_err csi_load_double(csi_loader *loader, const char *path, bool required, double least, double most, double *value)
{
    const csi_node *node = find(loader, path);
    if (!node)
        return required ? absent(loader, path) : CS_OK;
    double met;
    if (!csi_node_double(node, &met) || !(met >= least && met <= most)) {
        char expected[80];
        snprintf(expected, sizeof expected, "a number from %g to %g", least, most);
        return wrong(loader, node, path, expected);
    }
    *value = met;
    return CS_OK;
}

cs_err csi_load_bool(csi_loader *loader, const char *path, bool *value)
{
    const csi_node *node = find(loader, path);
    if (node && !csi_node_bool(node, value))
        return wrong(loader, node, path, "true or false");
    return CS_OK;
}

const char *csi_load_text(const csi_loader *loader, const char *path, const char *fallback)
{
    const csi_node *node = find(loader, path);
    const char *text = node ? csi_node_text(node) : NULL;
    return text ? text : fallback;
}
