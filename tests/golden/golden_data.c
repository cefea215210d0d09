/* SPDX-License-Identifier: MIT
 * Reads the golden data of one model: JSON through jansson, the tensor file and 16-bit WAV files by hand. */
#include "golden_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int complain(const char *path, const char *what)
{
    printf("# %s: %s\n", path, what);
    return -1;
}

static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = NULL;
    long end = -1;
    if (file && fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0) {
        bytes = malloc((size_t)end + 1);
        if (bytes && fread(bytes, 1, (size_t)end, file) != (size_t)end) {
            free(bytes);
            bytes = NULL;
        }
    }
    if (file)
        fclose(file);
    *size = bytes ? (size_t)end : 0;
    return bytes;
}

/* A cursor over bytes in memory; a read past the end gives zeros and marks the cursor bad. */
typedef struct cursor {
    const unsigned char *at, *end;
    int bad;
} cursor;

static void take(cursor *c, void *to, size_t size)
{
    if ((size_t)(c->end - c->at) < size) {
        c->bad = 1;
        memset(to, 0, size);
        return;
    }
    memcpy(to, c->at, size);
    c->at += size;
}

static uint32_t take_u32(cursor *c)
{
    uint32_t value;
    take(c, &value, sizeof value);
    return value;
}

static int read_tensor(golden_tensor *t, cursor *c)
{
    uint32_t length = take_u32(c);
    if (length >= sizeof t->name)
        return -1;
    take(c, t->name, length);
    t->n_dims = (int32_t)take_u32(c);
    if (t->n_dims < 0 || t->n_dims > GOLDEN_MAX_DIMS)
        return -1;
    t->n_values = 1;
    for (int32_t i = 0; i < t->n_dims; i++) {
        take(c, &t->dims[i], sizeof t->dims[i]);
        if (t->dims[i] < 0 || t->dims[i] > (1 << 24))
            return -1;
        t->n_values *= (size_t)t->dims[i];
    }
    take(c, &t->most, sizeof t->most);
    take(c, &t->mean, sizeof t->mean);
    if (c->bad || t->n_values > (size_t)(c->end - c->at) / sizeof(float))
        return -1;
    t->values = malloc(t->n_values * sizeof(float) + 1); /* a copy, because names leave the bytes unaligned */
    if (!t->values)
        return -1;
    take(c, t->values, t->n_values * sizeof(float));
    return 0;
}

static int read_tensors(golden_data *data, const char *path)
{
    size_t size;
    unsigned char *bytes = read_file(path, &size);
    int rc = -1;
    if (!bytes)
        return complain(path, "cannot be read");
    cursor c = {bytes, bytes + size, 0};
    char magic[4];
    take(&c, magic, sizeof magic);
    uint32_t version = take_u32(&c), n = take_u32(&c);
    if (memcmp(magic, "CSGT", 4) != 0 || version != 1 || n > 10000) {
        complain(path, "not a tensor file of version 1");
        goto done;
    }
    data->tensors = calloc(n ? n : 1, sizeof *data->tensors);
    if (!data->tensors)
        goto done;
    for (; data->n_tensors < n; data->n_tensors++)
        if (read_tensor(&data->tensors[data->n_tensors], &c) < 0) {
            complain(path, "damaged");
            goto done;
        }
    rc = 0;
done:
    free(bytes);
    return rc;
}

/* RIFF with 16-bit mono PCM, which is all that the golden recordings are. */
static int read_wav(golden_audio *audio, const char *path)
{
    size_t size;
    unsigned char *bytes = read_file(path, &size);
    if (!bytes)
        return complain(path, "cannot be read");
    for (size_t at = 12; at + 8 <= size;) {
        uint32_t length;
        memcpy(&length, bytes + at + 4, sizeof length);
        if (length > size - at - 8)
            break;
        if (memcmp(bytes + at, "data", 4) == 0) {
            audio->n_samples = length / 2;
            audio->samples = malloc(audio->n_samples * sizeof(float) + 1);
            for (size_t i = 0; audio->samples && i < audio->n_samples; i++) {
                int16_t sample;
                memcpy(&sample, bytes + at + 8 + 2 * i, sizeof sample);
                audio->samples[i] = (float)sample / 32768.0f;
            }
        }
        at += 8 + length + (length & 1);
    }
    free(bytes);
    return audio->samples ? 0 : complain(path, "not a WAV file");
}

/* "long" is ../audio/long.wav, a name with a point is a file of the folder itself. */
static int read_audio(golden_data *data, const char *name)
{
    char path[640];
    if (golden_find_audio(data, name))
        return 0;
    if (data->n_audio == GOLDEN_MAX_AUDIO || strlen(name) >= sizeof data->audio[0].name)
        return complain(name, "one recording too many");
    golden_audio *audio = &data->audio[data->n_audio++];
    snprintf(audio->name, sizeof audio->name, "%s", name);
    snprintf(path, sizeof path, strchr(name, '.') ? "%s/%s" : "%s/../audio/%s.wav", data->folder, name);
    return read_wav(audio, path);
}

int golden_load(golden_data *data, const char *folder)
{
    char path[640];
    json_error_t error;
    size_t i;
    json_t *one;
    memset(data, 0, sizeof *data);
    snprintf(data->folder, sizeof data->folder, "%s", folder);
    snprintf(path, sizeof path, "%s/expected.json", data->folder);
    data->root = json_load_file(path, 0, &error);
    if (!data->root)
        return complain(path, error.text);
    const char *file = json_string_value(json_object_get(data->root, "file"));
    snprintf(data->model_path, sizeof data->model_path, "%s/%s", data->folder, file ? file : "model.nemo");
    data->cases = json_object_get(data->root, "cases");
    if (!json_is_array(data->cases))
        return complain(path, "no cases");
    json_array_foreach(data->cases, i, one)
    {
        const char *name = json_string_value(json_object_get(one, "audio"));
        if (!name || read_audio(data, name) < 0)
            return complain(path, "a case without a recording");
    }
    snprintf(path, sizeof path, "%s/tensors.bin", data->folder);
    return read_tensors(data, path);
}

void golden_unload(golden_data *data)
{
    for (size_t i = 0; i < data->n_tensors; i++)
        free(data->tensors[i].values);
    free(data->tensors);
    for (int32_t i = 0; i < data->n_audio; i++)
        free(data->audio[i].samples);
    json_decref(data->root);
}

const golden_tensor *golden_find_tensor(const golden_data *data, const char *name)
{
    for (size_t i = 0; i < data->n_tensors; i++)
        if (strcmp(data->tensors[i].name, name) == 0)
            return &data->tensors[i];
    return NULL;
}

const golden_audio *golden_find_audio(const golden_data *data, const char *name)
{
    for (int32_t i = 0; i < data->n_audio; i++)
        if (strcmp(data->audio[i].name, name) == 0)
            return &data->audio[i];
    return NULL;
}

float *golden_cut(const golden_data *data, const json_t *one, size_t *n)
{
    const char *name = json_string_value(json_object_get(one, "audio"));
    const golden_audio *audio = name ? golden_find_audio(data, name) : NULL;
    size_t start = (size_t)json_integer_value(json_object_get(one, "start"));
    size_t repeat = (size_t)json_integer_value(json_object_get(one, "repeat"));
    size_t whole = audio ? audio->n_samples * (repeat ? repeat : 1) : 0;
    *n = (size_t)json_integer_value(json_object_get(one, "samples"));
    if (start > whole || *n > whole - start)
        return NULL;
    float *samples = malloc((*n + 1) * sizeof *samples);
    for (size_t i = 0; samples && i < *n; i++)
        samples[i] = audio->samples[(start + i) % audio->n_samples];
    return samples;
}
