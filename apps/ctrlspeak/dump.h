/* SPDX-License-Identifier: MIT
 * --dump: stage tensors as NumPy files, for people who port or debug models. */
#ifndef APPS_DUMP_H
#define APPS_DUMP_H

#include "ctrlspeak.h"

#include <stdbool.h>

typedef struct dump {
    const char *folder;
    char error[400]; /* the first failure; "" while all is well */
} dump;

/* False: the folder cannot be made. */
bool dump_begin(dump *d, const char *folder);
/* cs_transcribe_options.tensor: user is the dump. Writes FOLDER/name.npy. */
void dump_tensor(void *user, const char *name, int32_t n_dims, const int64_t *dims, const float *data);
/* FOLDER/tokens.json: the whole result. */
void dump_result(dump *d, const cs_result *result, const char *file);

#endif
