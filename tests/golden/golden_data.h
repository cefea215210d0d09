/* SPDX-License-Identifier: MIT
 * The golden data of one model, read from its folder: NeMo's results (expected.json), stage tensors (tensors.bin) and
 * the recordings that they were made from. README.md describes the files. The data is our own and trusted; a file that
 * is cut short or of another version is still an error in one sentence and never read past its end. */
#ifndef GOLDEN_DATA_H
#define GOLDEN_DATA_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum { GOLDEN_MAX_DIMS = 4, GOLDEN_MAX_AUDIO = 4 };

typedef struct golden_tensor {
    char name[64]; /* "cut5555/mel", "cut20001@14,1/encoder" */
    int32_t n_dims;
    int64_t dims[GOLDEN_MAX_DIMS];
    float most, mean; /* largest and mean absolute difference allowed */
    size_t n_values;
    float *values;
} golden_tensor;

typedef struct golden_audio {
    char name[64];
    float *samples;
    size_t n_samples;
} golden_audio;

typedef struct golden_data {
    char folder[512];
    char model_path[640];
    json_t *root;
    json_t *cases;
    golden_tensor *tensors;
    size_t n_tensors;
    golden_audio audio[GOLDEN_MAX_AUDIO];
    int32_t n_audio;
} golden_data;

/* Read folder/expected.json, folder/tensors.bin and every recording named there. 0, or -1 after printing a TAP comment. */
int golden_load(golden_data *data, const char *folder);
void golden_unload(golden_data *data);

/* NULL when there is none of this name. */
const golden_tensor *golden_find_tensor(const golden_data *data, const char *name);
const golden_audio *golden_find_audio(const golden_data *data, const char *name);

/* The samples of a case, *n of them, yours to free(); NULL where the recording is shorter than the case says. */
float *golden_cut(const golden_data *data, const json_t *one, size_t *n);

#endif
