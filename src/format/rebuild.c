/* SPDX-License-Identifier: MIT
 *
 * What a checkpoint's values mean. The only globals that it may name, and the only thing each may do here: make an
 * empty map, a storage record or a tensor record. Every number of a tensor is checked against its storage before
 * anything points there. At the end the state dict becomes the list of tensors.
 * Source: torch/_utils.py _rebuild_tensor_v2, _rebuild_parameter; torch/serialization.py persistent_load.
 */
#include "format/pickle.h"

/* Elements of one tensor; and of one whose strides make more of its storage than is there (a broadcast). */
#define MAX_ELEMENTS ((int64_t)1 << 40)
enum { MAX_BROADCAST = 1 << 24 };
#define MAX_DIM ((int64_t)1 << 31)

static const csi_pickle_global globals[] = {
    {"collections", "OrderedDict", CSI_PICKLE_ORDERED_DICT, CSI_F32},
    {"torch._utils", "_rebuild_tensor_v2", CSI_PICKLE_REBUILD_TENSOR, CSI_F32},
    {"torch._utils", "_rebuild_parameter", CSI_PICKLE_REBUILD_PARAMETER, CSI_F32},
    {"torch", "FloatStorage", CSI_PICKLE_STORAGE_CLASS, CSI_F32},
    {"torch", "HalfStorage", CSI_PICKLE_STORAGE_CLASS, CSI_F16},
    {"torch", "BFloat16Storage", CSI_PICKLE_STORAGE_CLASS, CSI_BF16},
    {"torch", "DoubleStorage", CSI_PICKLE_STORAGE_CLASS, CSI_F64},
    {"torch", "LongStorage", CSI_PICKLE_STORAGE_CLASS, CSI_I64},
    {"torch", "IntStorage", CSI_PICKLE_STORAGE_CLASS, CSI_I32},
    {"torch", "ShortStorage", CSI_PICKLE_STORAGE_CLASS, CSI_I16},
    {"torch", "CharStorage", CSI_PICKLE_STORAGE_CLASS, CSI_I8},
    {"torch", "ByteStorage", CSI_PICKLE_STORAGE_CLASS, CSI_U8},
    {"torch", "BoolStorage", CSI_PICKLE_STORAGE_CLASS, CSI_BOOL},
};

static bool equals(const char *text, size_t n_bytes, const char *word)
{
    return n_bytes == strlen(word) && memcmp(text, word, n_bytes) == 0;
}

const csi_pickle_global *csi_pickle_find_global(const char *module, size_t module_bytes, const char *name,
                                                size_t name_bytes)
{
    for (size_t i = 0; i < CSI_COUNT(globals); i++)
        if (equals(module, module_bytes, globals[i].module) && equals(name, name_bytes, globals[i].name))
            return &globals[i];
    return NULL;
}

/* ('storage', class, key, location, number of elements); the location is where it once was ("cuda:0"). */
cs_err csi_pickle_load_storage(csi_pickle *p, const csi_pickle_value *id, csi_pickle_value *result)
{
    const csi_pickle_value *item = id->kind == CSI_PICKLE_TUPLE && id->n == 5 ? id->is.items : NULL;
    if (!item || item[0].kind != CSI_PICKLE_TEXT || !equals(item[0].is.text, item[0].n, "storage")
        || item[1].kind != CSI_PICKLE_GLOBAL || item[1].is.global->role != CSI_PICKLE_STORAGE_CLASS
        || item[2].kind != CSI_PICKLE_TEXT || item[3].kind != CSI_PICKLE_TEXT || item[4].kind != CSI_PICKLE_INT)
        return csi_pickle_fail(p, "the persistent id is not ('storage', class, key, location, count)");

    csi_quote quote;
    csi_dtype dtype = item[1].is.global->dtype;
    const uint8_t *data;
    size_t size, wanted;
    int64_t n_elements = item[4].is.number;
    csi_quote_bytes(&quote, item[2].is.text, item[2].n);
    cs_err code = p->find(p->find_context, item[2].is.text, item[2].n, &data, &size, p->err);
    if (code != CS_OK)
        return code;
    if (n_elements < 0 || csi_mul_overflows((size_t)n_elements, csi_dtype_size(dtype), &wanted) || wanted != size)
        return csi_pickle_fail(p, "the storage \"%s\" has %zu bytes, expected %lld elements of %s", quote.text, size,
                               (long long)n_elements, csi_dtype_name(dtype));
    csi_pickle_storage *storage = csi_pickle_new(p, sizeof *storage);
    if (!storage)
        return CS_ENOMEM;
    *storage = (csi_pickle_storage){dtype, data, n_elements};
    *result = (csi_pickle_value){.kind = CSI_PICKLE_STORAGE, .is.storage = storage};
    return CS_OK;
}

/* Dims and strides into the tensor; *reach is the index of its last element behind the first. */
static cs_err read_shape(csi_pickle *p, const csi_pickle_value *size, const csi_pickle_value *stride, csi_tensor *t,
                         int64_t *reach)
{
    if (size->n > CSI_MAX_DIMS || stride->n != size->n)
        return csi_pickle_fail(p, "a tensor has %u sizes and %u strides, expected as many of both, at most %d", size->n,
                               stride->n, CSI_MAX_DIMS);
    bool too_large = false, empty = false;
    t->n_dims = (int32_t)size->n;
    t->n_elements = 1;
    t->contiguous = true;
    *reach = 0;
    for (int32_t i = t->n_dims; i-- > 0;) {
        const csi_pickle_value *dim = &size->is.items[i], *step = &stride->is.items[i];
        if (dim->kind != CSI_PICKLE_INT || step->kind != CSI_PICKLE_INT || dim->is.number < 0
            || dim->is.number > MAX_DIM || step->is.number < 0)
            return csi_pickle_fail(p, "a tensor has a size or stride that is no number in range");
        int64_t n = t->dims[i] = dim->is.number, each = t->strides[i] = step->is.number, far;
        if (n > 1 && each != t->n_elements)
            t->contiguous = false;
        empty |= n == 0;
        if (n > 1 && (__builtin_mul_overflow(n - 1, each, &far) || __builtin_add_overflow(*reach, far, reach)))
            too_large = true;
        if (n > 0 && (__builtin_mul_overflow(t->n_elements, n, &t->n_elements) || t->n_elements > MAX_ELEMENTS)) {
            too_large = true;
            t->n_elements = 1;
        }
    }
    if (empty) {
        t->n_elements = *reach = 0;
        t->contiguous = true;
        return CS_OK;
    }
    return too_large ? csi_pickle_fail(p, "a tensor is too large") : CS_OK;
}

/* (storage, offset, size, stride, requires_grad, backward_hooks[, metadata]) */
static cs_err rebuild_tensor(csi_pickle *p, const csi_pickle_value *arguments, csi_pickle_value *result)
{
    const csi_pickle_value *item = arguments->is.items;
    if (arguments->n < 6 || arguments->n > 7 || item[0].kind != CSI_PICKLE_STORAGE || item[1].kind != CSI_PICKLE_INT
        || item[2].kind != CSI_PICKLE_TUPLE || item[3].kind != CSI_PICKLE_TUPLE || item[4].kind != CSI_PICKLE_BOOL)
        return csi_pickle_fail(p, "_rebuild_tensor_v2 is called with other arguments than (storage, offset, size, "
                                  "stride, requires_grad, hooks)");
    if (p->n_tensors == CSI_PICKLE_MAX_TENSORS)
        return csi_pickle_fail(p, "there are more than %d tensors", CSI_PICKLE_MAX_TENSORS);
    const csi_pickle_storage *storage = item[0].is.storage;
    int64_t offset = item[1].is.number, reach = 0;
    csi_tensor *t = csi_pickle_new(p, sizeof *t);
    if (!t)
        return CS_ENOMEM;
    cs_err code = read_shape(p, &item[2], &item[3], t, &reach);
    if (code != CS_OK)
        return code;
    int64_t room = storage->n_elements - (t->n_elements > 0);
    if (offset < 0 || offset > room || reach > room - offset)
        return csi_pickle_fail(p, "a tensor of %lld elements reaches out of its storage of %lld",
                               (long long)t->n_elements, (long long)storage->n_elements);
    if (t->n_elements > storage->n_elements && t->n_elements > MAX_BROADCAST)
        return csi_pickle_fail(p, "a tensor makes %lld elements of a storage of %lld, expected at most %d",
                               (long long)t->n_elements, (long long)storage->n_elements, MAX_BROADCAST);
    t->dtype = storage->dtype;
    t->data = storage->data + (size_t)offset * csi_dtype_size(t->dtype);
    p->n_tensors++;
    *result = (csi_pickle_value){.kind = CSI_PICKLE_TENSOR, .is.tensor = t};
    return CS_OK;
}

cs_err csi_pickle_call(csi_pickle *p, const csi_pickle_global *global, const csi_pickle_value *arguments,
                       csi_pickle_value *result)
{
    if (arguments->kind != CSI_PICKLE_TUPLE)
        return csi_pickle_fail(p, "%s is called with something that is not a tuple", global->name);
    switch (global->role) {
    case CSI_PICKLE_ORDERED_DICT: {
        if (arguments->n != 0)
            return csi_pickle_fail(p, "OrderedDict is called with %u arguments, expected none", arguments->n);
        csi_pickle_map *map = csi_pickle_new(p, sizeof *map);
        if (!map)
            return CS_ENOMEM;
        map->depth = 1;
        map->ordered = true;
        *result = (csi_pickle_value){.kind = CSI_PICKLE_MAP, .is.map = map};
        return CS_OK;
    }
    case CSI_PICKLE_REBUILD_TENSOR:
        return rebuild_tensor(p, arguments, result);
    case CSI_PICKLE_REBUILD_PARAMETER:
        if (arguments->n != 3 || arguments->is.items[0].kind != CSI_PICKLE_TENSOR)
            return csi_pickle_fail(p, "_rebuild_parameter is called with other arguments than (tensor, "
                                      "requires_grad, hooks)");
        *result = arguments->is.items[0];
        return CS_OK;
    case CSI_PICKLE_STORAGE_CLASS:
        break;
    }
    return csi_pickle_fail(p, "%s is called, expected it in a persistent id alone", global->name);
}

/* ---------------------------------------------------------- state dict */

/* Some trainers save a map around the state dict. */
static const csi_pickle_map *state_dict(const csi_pickle_map *map)
{
    static const char key[] = "state_dict";
    for (const csi_pickle_pair *pair = map->first; pair; pair = pair->next)
        if (pair->key.kind == CSI_PICKLE_TEXT && pair->key.n == sizeof key - 1
            && memcmp(pair->key.is.text, key, sizeof key - 1) == 0 && pair->value.kind == CSI_PICKLE_MAP)
            return pair->value.is.map;
    return map;
}

static bool is_plain_text(const csi_pickle_value *value)
{
    if (value->kind != CSI_PICKLE_TEXT || value->n == 0)
        return false;
    for (size_t i = 0; i < value->n;) {
        uint32_t character;
        int n_bytes = csi_utf8_decode(value->is.text + i, value->n - i, &character);
        if (n_bytes == 0 || character == 0)
            return false;
        i += (size_t)n_bytes;
    }
    return true;
}

/* The map's tensors with their names into the caller's arena; other values are not weights. */
static cs_err list_tensors(csi_pickle *p, csi_arena *arena, const csi_pickle_map *map, csi_tensor_list *list)
{
    size_t n = 0;
    for (const csi_pickle_pair *pair = map->first; pair; pair = pair->next)
        n += pair->value.kind == CSI_PICKLE_TENSOR;
    if (n == 0 || n > CSI_PICKLE_MAX_TENSORS)
        return csi_fail(p->err, CS_EMODEL, -1, "%s: data.pkl holds %zu tensors, expected 1 to %d", p->label, n,
                        CSI_PICKLE_MAX_TENSORS);
    list->tensors = csi_arena_array(arena, n, sizeof *list->tensors);
    list->names = csi_arena_array(arena, n, sizeof *list->names);
    if (!list->tensors || !list->names)
        return csi_fail_memory(p->err, n * (sizeof *list->tensors + sizeof *list->names), "the tensors' index");
    for (const csi_pickle_pair *pair = map->first; pair; pair = pair->next) {
        if (pair->value.kind != CSI_PICKLE_TENSOR)
            continue;
        if (!is_plain_text(&pair->key))
            return csi_fail(p->err, CS_EMODEL, -1, "%s: data.pkl: tensor %zu has a name that is not plain text",
                            p->label, list->n_tensors);
        csi_tensor *tensor = &list->tensors[list->n_tensors];
        *tensor = *pair->value.is.tensor;
        tensor->name = csi_arena_text(arena, pair->key.is.text, pair->key.n);
        if (!tensor->name)
            return csi_fail_memory(p->err, pair->key.n, "a tensor's name");
        list->names[list->n_tensors] = (csi_name){tensor->name, pair->key.n, (uint32_t)list->n_tensors};
        list->n_tensors++;
    }
    csi_names_sort(list->names, n);
    const csi_name *twice = csi_names_duplicate(list->names, n);
    csi_quote quote;
    return twice ? csi_fail(p->err, CS_EMODEL, -1, "%s: data.pkl holds the tensor \"%s\" twice, expected once",
                            p->label, csi_quote_bytes(&quote, twice->text, twice->n_bytes))
                 : CS_OK;
}

cs_err csi_pickle_tensors(csi_pickle *p, csi_arena *arena, const csi_pickle_value *result, csi_tensor_list *list)
{
    if (result->kind != CSI_PICKLE_MAP)
        return csi_pickle_fail(p, "the result is not a map of names to tensors");
    return list_tensors(p, arena, state_dict(result->is.map), list);
}
