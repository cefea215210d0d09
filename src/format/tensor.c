/* SPDX-License-Identifier: MIT
 *
 * Tensors as contiguous f32. Where the file holds just that, the caller gets a pointer into it: a model of 2.5 GB
 * opens without a copy. Else the values are converted, or gathered along their strides, once; asked again for the same
 * tensor the caller gets the same copy.
 */
#include "format/inside.h"

#include <float.h>
#include <stdio.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [CSI_F32] = {"f32", 4}, [CSI_F16] = {"f16", 2},   [CSI_BF16] = {"bf16", 2}, [CSI_F64] = {"f64", 8},
    [CSI_I64] = {"i64", 8}, [CSI_I32] = {"i32", 4},   [CSI_I16] = {"i16", 2},   [CSI_I8] = {"i8", 1},
    [CSI_U8] = {"u8", 1},   [CSI_BOOL] = {"bool", 1},
};

const char *csi_dtype_name(csi_dtype dtype)
{
    return dtypes[dtype].name;
}

size_t csi_dtype_size(csi_dtype dtype)
{
    return dtypes[dtype].size;
}

/* ------------------------------------------------------------ conversion */

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float from_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1F, fraction = half & 0x3FF;
    if (exponent == 0) { /* zero, and subnormal: fraction * 2^-24, exact in f32 */
        float value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    if (exponent == 31) /* infinity, and not a number */
        return from_bits(sign | 0x7F800000 | fraction << 13);
    return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* C leaves values beyond f32 undefined; IEEE 754 rounds: half a unit above FLT_MAX and more is infinite. */
static float from_f64(double value)
{
    if (value > FLT_MAX || value < -FLT_MAX) {
        float limit = (value < 0 ? -value : value) < 0x1.ffffffp127 ? FLT_MAX : from_bits(0x7F800000);
        return value < 0 ? -limit : limit;
    }
    return (float)value;
}

/* n values, `stride` elements apart, from bytes of any alignment. */
static void convert_run(csi_dtype dtype, const uint8_t *from, size_t stride, size_t n, float *to)
{
    size_t step = stride * dtypes[dtype].size;
    if (dtype == CSI_F32 && stride == 1) {
        memcpy(to, from, n * sizeof *to);
    } else if (dtype == CSI_F32) {
        for (size_t i = 0; i < n; i++, from += step)
            memcpy(&to[i], from, sizeof *to);
    } else if (dtype == CSI_F16) {
        for (size_t i = 0; i < n; i++, from += step)
            to[i] = from_f16(csi_le16(from));
    } else if (dtype == CSI_BF16) {
        for (size_t i = 0; i < n; i++, from += step)
            to[i] = from_bits((uint32_t)csi_le16(from) << 16);
    } else {
        for (size_t i = 0; i < n; i++, from += step) {
            double value;
            memcpy(&value, from, sizeof value);
            to[i] = from_f64(value);
        }
    }
}

/* Row by row: the last axis is a run, the others count like an odometer. */
static void gather(const csi_tensor *t, float *to)
{
    if (t->contiguous) {
        convert_run(t->dtype, t->data, 1, (size_t)t->n_elements, to);
        return;
    }
    int64_t index[CSI_MAX_DIMS] = {0}, offset = 0;
    int32_t last = t->n_dims - 1;
    size_t row = (size_t)t->dims[last], n_rows = (size_t)t->n_elements / row;
    for (size_t i = 0; i < n_rows; i++, to += row) {
        convert_run(t->dtype, t->data + (size_t)offset * dtypes[t->dtype].size, (size_t)t->strides[last], row, to);
        for (int32_t axis = last; axis-- > 0;) {
            offset += t->strides[axis];
            if (++index[axis] < t->dims[axis])
                break;
            offset -= t->strides[axis] * t->dims[axis];
            index[axis] = 0;
        }
    }
}

/* ---------------------------------------------------------------- access */

/* "[1024, 80, any]" */
static const char *shape_text(char *out, size_t out_size, int32_t n_dims, const int64_t *dims)
{
    size_t at = (size_t)snprintf(out, out_size, "[");
    for (int32_t i = 0; i < n_dims && at < out_size; i++) {
        const char *comma = i ? ", " : "";
        int n = dims[i] < 0 ? snprintf(out + at, out_size - at, "%sany", comma)
                            : snprintf(out + at, out_size - at, "%s%lld", comma, (long long)dims[i]);
        at += (size_t)n;
    }
    if (at < out_size)
        snprintf(out + at, out_size - at, "]");
    return out;
}

static bool fits(const csi_tensor *t, int32_t n_dims, const int64_t *dims)
{
    bool same = t->n_dims == n_dims;
    for (int32_t i = 0; same && i < n_dims; i++)
        same = dims[i] < 0 || dims[i] == t->dims[i];
    return same;
}

static cs_err make_copy(csi_archive *archive, const csi_tensor *t, float **copy, cs_error *err)
{
    size_t n = (size_t)t->n_elements;
    float *values = csi_alloc_array(archive->env, n, sizeof *values);
    if (!values)
        return csi_fail_memory(err, n * sizeof *values, t->name);
    gather(t, values);
    archive->copied_bytes += (int64_t)(n * sizeof *values);
    *copy = values;
    return CS_OK;
}

cs_err csi_archive_f32(csi_archive *archive, const char *name, int32_t n_dims, const int64_t *dims,
                       const float **values, cs_error *err)
{
    char wanted[120], met[120];
    const csi_tensor *t = csi_archive_tensor(archive, name);
    if (!t)
        return csi_fail(err, CS_EMODEL, -1, "%s: the tensor \"%s\" is missing, expected it with shape %s",
                        archive->label, name, shape_text(wanted, sizeof wanted, n_dims, dims));
    if (!fits(t, n_dims, dims))
        return csi_fail(err, CS_EMODEL, -1, "%s: the tensor \"%s\" has shape %s, expected %s", archive->label, name,
                        shape_text(met, sizeof met, t->n_dims, t->dims),
                        shape_text(wanted, sizeof wanted, n_dims, dims));
    if (t->dtype != CSI_F32 && t->dtype != CSI_F16 && t->dtype != CSI_BF16 && t->dtype != CSI_F64)
        return csi_fail(err, CS_EMODEL, -1, "%s: the tensor \"%s\" is of type %s, expected floating point",
                        archive->label, name, csi_dtype_name(t->dtype));
    if (!values)
        return CS_OK;
    if (t->dtype == CSI_F32 && t->contiguous && (uintptr_t)t->data % sizeof(float) == 0) {
        *values = (const float *)(const void *)t->data;
        return CS_OK;
    }
    float **copy = &archive->copies[t - archive->weights.tensors];
    cs_err code = *copy ? CS_OK : make_copy(archive, t, copy, err);
    if (code == CS_OK)
        *values = *copy;
    return code;
}

void csi_archive_release(csi_archive *archive, const char *name)
{
    const csi_tensor *t = csi_archive_tensor(archive, name);
    if (!t)
        return;
    float **copy = &archive->copies[t - archive->weights.tensors];
    if (*copy)
        archive->copied_bytes -= t->n_elements * (int64_t)sizeof **copy;
    csi_free(archive->env, *copy);
    *copy = NULL;
    const uint8_t *data = archive->file.data;
    if (archive->file.mapped && t->contiguous && t->data >= data && t->data < data + archive->file.size)
        csi_file_release(&archive->file, (size_t)(t->data - data), (size_t)t->n_elements * csi_dtype_size(t->dtype));
}
